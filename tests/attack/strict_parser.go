// SPDX-License-Identifier: Apache-2.0

// How Go's net/http cuts bytes into requests: an oracle of tests/attack/heads.py. Standard library only.
//
// Input:  cases, each 4 bytes of length (big endian) and that many bytes.
// Output: a line for each, JSON: where each request that was taken ended, its method and target, and why the next one
// was not taken.
//
// http.ReadRequest and what http.Server looks at beyond it, but not its habits of keeping connections: whatever lies
// behind a request is read as the next.
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"os"
	"strings"
)

type request struct {
	Method string `json:"method"`
	Target string `json:"target"`
	End    int    `json:"end"`
}

type verdict struct {
	Requests []request `json:"requests"`
	Refused  string    `json:"refused"`
}

const hostBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!$%&()*+,-.:;=[']_~"

// ReadRequest takes the Host header away, so its rule needs a look of its own (net/http/server.go, readRequest).
func checkHost(data []byte, parsed *http.Request) error {
	reader := textproto.NewReader(bufio.NewReader(bytes.NewReader(data)))
	if _, err := reader.ReadLine(); err != nil {
		return err
	}
	header, err := reader.ReadMIMEHeader()
	if err != nil {
		return err
	}
	hosts := header["Host"]
	if parsed.ProtoAtLeast(1, 1) && len(hosts) == 0 && parsed.Method != "CONNECT" {
		return errors.New("missing required Host header")
	}
	if len(hosts) == 1 && strings.Trim(hosts[0], hostBytes) != "" {
		return errors.New("malformed Host header")
	}
	return nil
}

// The first request of data: how long it is.
func takeRequest(data []byte) (*request, error) {
	source := bytes.NewReader(data)
	reader := bufio.NewReader(source)
	parsed, err := http.ReadRequest(reader)
	if err != nil {
		return nil, err
	}
	if parsed.ProtoMajor != 1 {
		return nil, errors.New("unsupported protocol version")
	}
	if err := checkHost(data, parsed); err != nil {
		return nil, err
	}
	if _, err := io.Copy(io.Discard, parsed.Body); err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	return &request{parsed.Method, parsed.RequestURI, len(data) - source.Len() - reader.Buffered()}, nil
}

func judge(data []byte) verdict {
	result := verdict{Requests: []request{}}
	at := 0
	for at < len(data) {
		// RFC 9112 2.2: an empty line before a request is to be ignored.
		if bytes.HasPrefix(data[at:], []byte("\r\n")) {
			at += 2
			continue
		}
		taken, err := takeRequest(data[at:])
		if err != nil {
			result.Refused = err.Error()
			break
		}
		taken.End += at
		at = taken.End
		result.Requests = append(result.Requests, *taken)
	}
	return result
}

func run() error {
	in, out := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(out)
	for {
		var size uint32
		if err := binary.Read(in, binary.BigEndian, &size); err == io.EOF {
			return out.Flush()
		} else if err != nil {
			return err
		}
		data := make([]byte, size)
		if _, err := io.ReadFull(in, data); err != nil {
			return err
		}
		if err := encoder.Encode(judge(data)); err != nil {
			return err
		}
	}
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
