// SPDX-License-Identifier: Apache-2.0

// Package answers asks what standard input asks for, and prints what came of it.
package answers

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	authenticationv1 "k8s.io/api/authentication/v1"
)

type answer struct {
	Token         string  `json:"token"`
	Authenticated bool    `json:"authenticated"`
	Username      *string `json:"username"`
	Error         *string `json:"error"`
}

// orNull makes JSON's null of what was not there.
func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// Print reads lines (a name, a token), asks, and prints a JSON object for each.
func Print(ask func(token string) (authenticationv1.TokenReviewStatus, error)) {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var name, token string
		if _, err := fmt.Sscan(lines.Text(), &name, &token); err != nil {
			Exit(err)
		}
		status, err := ask(token)
		if err != nil {
			Exit(err)
		}
		text, err := json.Marshal(answer{name, status.Authenticated, orNull(status.User.Username), orNull(status.Error)})
		if err != nil {
			Exit(err)
		}
		fmt.Println(string(text))
	}
}

// Exit ends the program as a failure.
func Exit(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
