// SPDX-License-Identifier: Apache-2.0

// controller-runtime's client: it asks for discovery first, and sends protobuf.
package main

import (
	"context"
	"os"

	authenticationv1 "k8s.io/api/authentication/v1"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"kube-bearer.invalid/e2e-clients/answers"
)

// docs: begin
func review(ctx context.Context, api client.Client, token string) (authenticationv1.TokenReviewStatus, error) {
	question := &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token}}
	err := api.Create(ctx, question) // the reply takes the question's place
	return question.Status, err
}

func connect(kubeconfig string) (client.Client, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	return client.New(config, client.Options{})
}

// docs: end

func main() {
	api, err := connect(os.Getenv("KUBECONFIG"))
	if err != nil {
		answers.Exit(err)
	}
	answers.Print(func(token string) (authenticationv1.TokenReviewStatus, error) {
		return review(context.Background(), api, token)
	})
}
