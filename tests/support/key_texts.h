/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Two keys as files and servers have them. TEST-ONLY. */

#define PEM_PUBLIC_1                                                     \
    "-----BEGIN PUBLIC KEY-----\n"                                       \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEsxni/5HYulOwVTn7LC4LzqSWZqtI\n" \
    "EPcK7ZAG2jLjYYlS6MxJ1/0eyhkuQEjd9Nm4KFK0OrqoJQI293zc+kQhqw==\n"     \
    "-----END PUBLIC KEY-----\n"

#define PEM_PUBLIC_2                                                     \
    "-----BEGIN PUBLIC KEY-----\n"                                       \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEvjt4loc7lU9mmViGubC7xdyvhtjm\n" \
    "sCdoCvj9nMEtdOvaNfGKneo4nYwjqNgYzTb2jLm5kQIglrQf0T23LTjvZg==\n"     \
    "-----END PUBLIC KEY-----\n"

#define PEM_PRIVATE_2                                                    \
    "-----BEGIN PRIVATE KEY-----\n"                                      \
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgWEB4q9vOrbzJHnmY\n" \
    "uHUTcTspUzydhydBtXqiK4kGFLehRANCAAS+O3iWhzuVT2aZWIa5sLvF3K+G2Oaw\n" \
    "J2gK+P2cwS1069o18Yqd6jidjCOo2BjNNvaMubmRAiCWtB/RPbctOO9m\n"         \
    "-----END PRIVATE KEY-----\n"

#define PEM_BROKEN                 \
    "-----BEGIN PUBLIC KEY-----\n" \
    "AAAA\n"                       \
    "-----END PUBLIC KEY-----\n"

#define JWK_1                                                \
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"1\","       \
    "\"x\":\"sxni_5HYulOwVTn7LC4LzqSWZqtIEPcK7ZAG2jLjYYk\"," \
    "\"y\":\"UujMSdf9HsoZLkBI3fTZuChStDq6qCUCNvd83PpEIas\"}"

#define JWK_2                                                \
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"2\","       \
    "\"x\":\"vjt4loc7lU9mmViGubC7xdyvhtjmsCdoCvj9nMEtdOs\"," \
    "\"y\":\"2jXxip3qOJ2MI6jYGM029oy5uZECIJa0H9E9ty0472Y\"}"

#define JWK_UNUSABLE "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"3\",\"x\":\"AA\"}"

#define JWKS(keys) "{\"keys\":[" keys "]}"
