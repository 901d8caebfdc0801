/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory store under random changes: whatever happened on the way, in the end it has told
 * what a store would tell that is opened then. Files are always whole, so there is one right
 * answer.
 */
#include "support/manifests_kit.h"

#define SEEDS     12
#define STEPS     120
#define OBJECTS   10 /* names of objects: 0 to 9 */
#define PATHS     14
#define VALUE_MAX 16

static const char *const paths[PATHS] = {
    "m/a.yaml", "m/b.yaml",   "m/c.json", "m/.hidden", "m/d",        "m/d/a.yaml",  "m/d/b.yaml",
    "m/e",      "m/e/a.yaml", "m/e/d",    "out",       "out/a.yaml", "m/d/d/a.yml", "m/f.yaml",
};

struct known {
    char values[OBJECTS][VALUE_MAX]; /* "" for none */
};

static void learn(void *ctx, const struct store_event *event)
{
    struct known *known = ctx;
    struct span value = { 0 };
    if (event->type == STORE_SYNCED) {
        return;
    }
    assert_int_equal(event->name.len, 1);
    char *at = known->values[event->name.at[0] - '0'];
    /* added only what is not there, deleted and modified only what is */
    assert_true((event->type == STORE_ADDED) == (at[0] == '\0'));
    at[0] = '\0';
    if (event->secret) {
        assert_true(secret_find(event->secret, "value", &value));
        assert_in_range(value.len, 1, VALUE_MAX - 1);
        memcpy(at, value.at, value.len);
        at[value.len] = '\0';
        assert_true(secret_find(event->secret, "sealed", &value));
    }
}

struct dice {
    uint64_t state;
};

static unsigned roll(struct dice *dice, unsigned sides)
{
    dice->state = dice->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)((dice->state >> 33) % sides);
}

static void write_some_objects(const struct kit_path *path, struct dice *dice, unsigned step)
{
    char text[3 * MANIFEST_MAX] = "";
    char name[2] = "";
    char value[VALUE_MAX];
    size_t len = 0;
    for (unsigned i = roll(dice, 3); i > 0; i--) {
        name[0] = (char)('0' + roll(dice, OBJECTS));
        (void)snprintf(value, sizeof(value), "v%u", roll(dice, 2) ? step : 0);
        len +=
            (size_t)snprintf(text + len, sizeof(text) - len, "---\n%s", manifest(name, value).text);
    }
    const int fd = open(path->text, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK, 0644);
    if (fd >= 0) {
        assert_int_equal(write(fd, text, len), len);
        assert_int_equal(close(fd), 0);
    }
}

static void change_something(const struct file_kit *kit, struct dice *dice, unsigned step)
{
    const struct kit_path one = kit_path(kit, paths[roll(dice, PATHS)]);
    const struct kit_path two = kit_path(kit, paths[roll(dice, PATHS)]);
    const struct kit_path root = kit_path(kit, "m");
    const struct kit_path away = kit_path(kit, "away");
    int ignored = 0; /* most changes are impossible at the moment, and that is as good */
    switch (roll(dice, 16)) {
    case 0:
    case 1:
        ignored = mkdir(one.text, 0755);
        break;
    case 2:
        ignored = rmdir(one.text);
        break;
    case 3:
        ignored = unlink(one.text);
        break;
    case 4:
    case 5:
    case 6:
        ignored = rename(one.text, two.text);
        break;
    case 7:
        ignored = symlink(two.text, one.text);
        break;
    case 8:
        /* not two names for long: writing to a file by another name is no event for this one */
        ignored = link(two.text, one.text) == 0 && unlink(two.text);
        break;
    case 9:
        ignored = rename(root.text, away.text);
        break;
    case 10:
        ignored = chmod(one.text, roll(dice, 2) ? 0777 : 0755);
        break;
    default:
        write_some_objects(&one, dice, step);
    }
    (void)ignored;
    if (roll(dice, 2)) {
        (void)rename(away.text, root.text); /* it is away for a step or two at most */
    }
}

struct comparison {
    struct manifests_kit *kit;
    struct known known;
    struct known fresh;
    struct store_stats fresh_stats;
};

static bool agrees_with_a_fresh_store(void *ctx)
{
    struct comparison *comparison = ctx;
    const struct kit_path path = kit_path(&comparison->kit->files, "m");
    const struct manifests_options options = {
        .directory = path.text,
        .clock = clock_manual(&comparison->kit->clock),
        .trust = comparison->kit->policy,
    };
    struct problem problem = { 0 };
    struct store *store = NULL;
    memset(&comparison->fresh, 0, sizeof(comparison->fresh));
    assert_int_equal(manifests_new(&options, &store, &problem), ST_OK);
    assert_int_equal(store_subscribe(store, &all_secrets, learn, &comparison->fresh), ST_OK);
    assert_int_equal(store_load(store, &problem), ST_OK);
    store_stats(store, &comparison->fresh_stats);
    store_free(store);
    for (size_t i = 0; i < OBJECTS; i++) {
        if (strcmp(comparison->known.values[i], comparison->fresh.values[i]) != 0) {
            return false;
        }
    }
    const struct store_stats stats = mkit_stats(comparison->kit);
    return stats.unsafe_files == comparison->fresh_stats.unsafe_files &&
           stats.links_out == comparison->fresh_stats.links_out;
}

static void run_seed(uint64_t seed)
{
    struct manifests_kit kit;
    struct comparison comparison = { .kit = &kit };
    struct dice dice = { seed };
    print_message("# seed %u\n", (unsigned)seed);
    mkit_init(&kit);
    kit.policy.follows_outside = seed % 2;
    kit_mkdir(&kit.files, "out");
    mkit_open(&kit);
    assert_int_equal(store_subscribe(kit.store, &all_secrets, learn, &comparison.known), ST_OK);
    mkit_load(&kit, ST_OK);
    mkit_watch(&kit);
    for (unsigned step = 1; step <= STEPS; step++) {
        change_something(&kit.files, &dice, step);
        if (roll(&dice, 3) == 0) {
            (void)uv_run(loop_uv(kit.files.loop), UV_RUN_NOWAIT);
        }
        if (roll(&dice, 40) == 0) {
            kit_run_for(&kit.files, FILE_SETTLE_MS / 4);
        }
    }
    (void)rename(kit_path(&kit.files, "away").text, kit_path(&kit.files, "m").text);
    kit_run_for(&kit.files, FILE_SETTLE_MS / 2);
    assert_true(
        kit_run_until(&kit.files, agrees_with_a_fresh_store, &comparison, FILE_KIT_DEADLINE_MS));
    const struct store_stats stats = mkit_stats(&kit);
    uint64_t held = 0;
    for (size_t i = 0; i < OBJECTS; i++) {
        held += comparison.known.values[i][0] != '\0';
    }
    assert_int_equal(store_stats_objects(&stats, &kind_secret), held);
    mkit_fini(&kit);
}

static void test_manifests_random_changes_end_where_a_fresh_load_does(void **state)
{
    (void)state;
    const char *base = getenv("KB_RANDOM_SEED"); /* to look at one, or at others */
    const uint64_t first = base ? strtoull(base, NULL, 10) : 1;
    for (uint64_t seed = first; seed < first + SEEDS; seed++) {
        run_seed(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manifests_random_changes_end_where_a_fresh_load_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
