/* SPDX-License-Identifier: Apache-2.0 */
/* Prints how many nanoseconds a dependent random load takes on this machine. */
#include "dependent_load.h"

#include <stdio.h>

int main(void)
{
    const double ns = dependent_load_ns();
    (void)printf("%.1f\n", ns);
    return ns > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
