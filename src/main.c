/* SPDX-License-Identifier: Apache-2.0 */
/* The program is its subcommands; everything else is in the library, where tests reach it. */
#include "cli/commands.h"

int main(int argc, char **argv)
{
    return commands_main(argc, argv);
}
