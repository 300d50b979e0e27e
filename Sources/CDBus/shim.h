// The one header that the Swift target above CDBus needs.
#include <dbus/dbus.h>
