// The one header that the Swift targets above CYAML need.
#include <yaml.h>
