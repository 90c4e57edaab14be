/* For the rule "systems": as much of FreeBSD's as postern uses. */
#define P_PID 0
#define PROC_NO_NEW_PRIVS_CTL 19
#define PROC_NO_NEW_PRIVS_ENABLE 1
int procctl(int, int, int, void *);
