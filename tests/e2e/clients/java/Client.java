// SPDX-License-Identifier: Apache-2.0
// The official Java client. Standard input: a line for each question, its name and its token.
import com.google.gson.GsonBuilder;
import io.kubernetes.client.openapi.ApiException;
import io.kubernetes.client.openapi.apis.AuthenticationV1Api;
import io.kubernetes.client.openapi.models.V1TokenReview;
import io.kubernetes.client.openapi.models.V1TokenReviewSpec;
import io.kubernetes.client.openapi.models.V1TokenReviewStatus;
import io.kubernetes.client.util.Config;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Scanner;

public class Client {
    // docs: begin
    static V1TokenReviewStatus review(AuthenticationV1Api api, String token) throws ApiException {
        V1TokenReview question = new V1TokenReview().spec(new V1TokenReviewSpec().token(token));
        return api.createTokenReview(question).execute().getStatus();
    }

    public static void main(String[] arguments) throws Exception {
        ask(new AuthenticationV1Api(Config.defaultClient()));
    }
    // docs: end

    static void ask(AuthenticationV1Api api) throws ApiException {
        Scanner lines = new Scanner(System.in);
        while (lines.hasNext()) {
            String name = lines.next();
            V1TokenReviewStatus status = review(api, lines.next());
            Map<String, Object> answer = new LinkedHashMap<>();
            answer.put("token", name);
            answer.put("authenticated", Boolean.TRUE.equals(status.getAuthenticated()));
            answer.put("username", status.getUser() == null ? null : status.getUser().getUsername());
            answer.put("error", status.getError());
            System.out.println(new GsonBuilder().serializeNulls().create().toJson(answer));
        }
    }
}
