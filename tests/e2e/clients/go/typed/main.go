// SPDX-License-Identifier: Apache-2.0

// client-go's typed client, with its default configuration: it sends protobuf.
package main

import (
	"context"
	"os"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"kube-bearer.invalid/e2e-clients/answers"
)

// docs: begin
func review(ctx context.Context, client kubernetes.Interface, token string) (authenticationv1.TokenReviewStatus, error) {
	question := &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token}}
	reply, err := client.AuthenticationV1().TokenReviews().Create(ctx, question, metav1.CreateOptions{})
	if err != nil {
		return authenticationv1.TokenReviewStatus{}, err
	}
	return reply.Status, nil
}

func connect(kubeconfig string) (kubernetes.Interface, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	return kubernetes.NewForConfig(config)
}

// docs: end

func main() {
	client, err := connect(os.Getenv("KUBECONFIG"))
	if err != nil {
		answers.Exit(err)
	}
	answers.Print(func(token string) (authenticationv1.TokenReviewStatus, error) {
		return review(context.Background(), client, token)
	})
}
