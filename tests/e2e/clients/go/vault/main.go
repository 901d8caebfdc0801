// SPDX-License-Identifier: Apache-2.0

// Vault's Kubernetes auth plugin, as a library: a role, and a login for each token.
//
// It reads the claims of a ServiceAccount's JWT before it asks, so a bootstrap token is never asked for. Each login therefore
// shows one and the same JWT, and what stands between plugin and server puts the token to ask for in its place: nothing else of
// the question is changed, and nothing of the answer. A yes for somebody else than a ServiceAccount is no login either, but
// the plugin says so in other words than it has for a no.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"

	"github.com/hashicorp/go-hclog"
	kubeauth "github.com/hashicorp/vault-plugin-auth-kubernetes"
	"github.com/hashicorp/vault/sdk/logical"
	authenticationv1 "k8s.io/api/authentication/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"kube-bearer.invalid/e2e-clients/answers"
)

// TEST-ONLY: {"alg":"ES256"} {"kubernetes.io":{"namespace":"default","serviceaccount":{"name":"app","uid":"1"}}}, signed by nobody.
const jwt = "eyJhbGciOiJFUzI1NiJ9.eyJrdWJlcm5ldGVzLmlvIjp7Im5hbWVzcGFjZSI6ImRlZmF1bHQiLCJzZXJ2aWNlYWNjb3VudCI6eyJuYW1lIjoi" +
	"YXBwIiwidWlkIjoiMSJ9fX0.AAAA"

// docs: begin
func configure(plugin *vault, server, caPEM string) error {
	err := plugin.write("config", map[string]any{
		"kubernetes_host":      server, // the base; the plugin appends /apis/authentication.k8s.io/v1/tokenreviews
		"kubernetes_ca_cert":   caPEM,
		"disable_local_ca_jwt": true,
	})
	if err != nil {
		return err
	}
	return plugin.write("role/app", map[string]any{
		"bound_service_account_names":      "app",
		"bound_service_account_namespaces": "default",
	})
}

// docs: end

// vault is what the plugin has around it in Vault.
type vault struct {
	backend logical.Backend
	storage logical.Storage
	log     bytes.Buffer
}

func newVault() (*vault, error) {
	plugin := &vault{storage: &logical.InmemStorage{}}
	var err error
	plugin.backend, err = kubeauth.Factory(context.Background(), &logical.BackendConfig{
		StorageView: plugin.storage,
		System:      logical.StaticSystemView{},
		Logger:      hclog.New(&hclog.LoggerOptions{Level: hclog.Debug, Output: &plugin.log, JSONFormat: true}),
	})
	return plugin, err
}

// write makes a creation of what is not there yet, as Vault does.
func (plugin *vault) write(path string, data map[string]any) error {
	request := &logical.Request{Operation: logical.UpdateOperation, Path: path, Storage: plugin.storage, Data: data}
	isKnown, exists, err := plugin.backend.HandleExistenceCheck(context.Background(), request)
	if err != nil {
		return err
	}
	if isKnown && !exists {
		request.Operation = logical.CreateOperation
	}
	reply, err := plugin.backend.HandleRequest(context.Background(), request)
	if err == nil && reply != nil {
		err = reply.Error()
	}
	return err
}

// login returns why there was none; the caller of the plugin is only told that permission is denied.
func (plugin *vault) login() (authenticationv1.TokenReviewStatus, error) {
	plugin.log.Reset()
	err := plugin.write("login", map[string]any{"role": "app", "jwt": jwt})
	if err == nil {
		return authenticationv1.TokenReviewStatus{Authenticated: true}, nil
	}
	var line struct {
		Reason string `json:"err"`
	}
	if json.Unmarshal(plugin.log.Bytes(), &line) != nil || line.Reason == "" {
		return authenticationv1.TokenReviewStatus{}, err
	}
	return authenticationv1.TokenReviewStatus{Error: line.Reason}, nil
}

// exchange forwards to the server, with *token for the JWT.
func exchange(config *rest.Config, token *string) (*httptest.Server, error) {
	target, err := url.Parse(config.Host)
	if err != nil {
		return nil, err
	}
	transport, err := rest.TransportFor(config)
	if err != nil {
		return nil, err
	}
	return httptest.NewTLSServer(&httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(request *httputil.ProxyRequest) {
			request.SetURL(target)
			body, _ := io.ReadAll(request.In.Body)
			body = bytes.Replace(body, []byte(jwt), []byte(*token), 1)
			request.Out.Body, request.Out.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			request.Out.Header.Del("Authorization")
		},
	}), nil
}

func run() error {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return err
	}
	var token string
	between, err := exchange(config, &token)
	if err != nil {
		return err
	}
	defer between.Close()
	plugin, err := newVault()
	if err != nil {
		return fmt.Errorf("making the plugin: %w", err)
	}
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: between.Certificate().Raw})
	if err := configure(plugin, between.URL, string(authority)); err != nil {
		return fmt.Errorf("configuring the plugin: %w", err)
	}
	answers.Print(func(next string) (authenticationv1.TokenReviewStatus, error) {
		token = next
		return plugin.login()
	})
	return nil
}

func main() {
	if err := run(); err != nil {
		answers.Exit(err)
	}
}
