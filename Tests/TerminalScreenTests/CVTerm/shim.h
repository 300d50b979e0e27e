// libvterm, the oracle of the screen model's tests; no program of ours links it.
#include <vterm.h>
