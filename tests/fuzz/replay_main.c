/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target over every file of a corpus directory, in any build and with any compiler: so
 * what a fuzzer once found stays found. An empty corpus is an error.
 */
#include <dirent.h>
#include <sys/stat.h>

#include "fuzz.h"

#define FILE_MAX_BYTES 1048576 /* seeds are small; libFuzzer's own default stays at 4 KB */

static void replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(FILE_MAX_BYTES + 1);
    if (!file || !data) {
        (void)fprintf(stderr, "%s: cannot read\n", path);
        exit(EXIT_FAILURE);
    }
    const size_t size = fread(data, 1, FILE_MAX_BYTES + 1, file);
    if (ferror(file) || size > FILE_MAX_BYTES) {
        (void)fprintf(stderr, "%s: cannot read, or larger than %d bytes\n", path, FILE_MAX_BYTES);
        exit(EXIT_FAILURE);
    }
    (void)fclose(file); /* only read */
    /* on a violated property the last line names the file */
    (void)fprintf(stderr, "%s\n", path);
    (void)LLVMFuzzerTestOneInput(data,
                                 size); /* libFuzzer's result says whether to keep the input */
    free(data);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        (void)fprintf(stderr, "usage: %s CORPUS_DIRECTORY\n", argv[0]);
        return EXIT_FAILURE;
    }
    DIR *directory = opendir(argv[1]);
    if (!directory) {
        perror(argv[1]);
        return EXIT_FAILURE;
    }
    size_t count = 0;
    for (const struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
        char path[4096];
        struct stat status;
        (void)snprintf(path, sizeof(path), "%s/%s", argv[1], entry->d_name);
        if (stat(path, &status) == 0 && S_ISREG(status.st_mode)) {
            replay_file(path);
            count++;
        }
    }
    (void)closedir(directory); /* only read */
    (void)printf("%zu files\n", count);
    return count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
