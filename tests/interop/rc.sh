#!/bin/sh
# rc.sh: the rc scripts and the systemd unit.  Each script runs under a small
# stand-in for its system's rc.subr(8), and under the real one if its path is
# given: RC_FREEBSD=, RC_NETBSD=, RC_OPENBSD= (that one needs mksh or ksh).
# The commands of those systems that the real ones call are shimmed.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"

# A real rc.subr reads rc.conf of its own system: all paths go into $root.
prepare() { # SYSTEM SUBR
	root=$tmp/$1-$(basename "$(dirname "$2")")
	mkdir -p "$root/etc/rc.d" "$root/etc/defaults" "$root/sbin" "$root/bin" \
	    "$root/run/rc.d" "$root/etc/postern" "$root/etc/rc.conf.d"
	cp "$POSTERND" "$root/sbin/posternd"
	make_shims
	sed -e "s,/etc/,$root/etc/,g; s,/var/run/,$root/run/,g" \
	    -e "s,/bin/ps,$root/bin/ps,g; s,/sbin/sysctl,$root/bin/true,g" \
	    "$2" >"$root/etc/rc.subr"
	cp "$root/etc/rc.subr" "$root/etc/rc.d/rc.subr"
	echo "source_rc_confs() { . $root/etc/rc.conf; }" \
	    >"$root/etc/defaults/rc.conf" # (FreeBSD)
	printf 'postern_enable="YES"\npostern=YES\n' >"$root/etc/rc.conf"
	RC_CONF=$root/etc/rc.conf
	export RC_CONF
	sed -e "s,@SBINDIR@,$root/sbin,g; s,@SYSCONFDIR@,$root/etc,g" \
	    -e "s,\. /etc/,. $root/etc/,; s,/var/run/,$root/run/,g" \
	    "$top/rc/postern.$1.in" >"$root/etc/rc.d/postern"
	chmod +x "$root/etc/rc.d/postern"
	conf=$root/etc/postern/postern.conf
}

# ps(1) here knows no jails; pgrep and pkill no -q and -T, and no setproctitle(3)
# by which a worker has other arguments than the master; and so on.
make_shims() {
	printf '#!/bin/sh\n' >"$root/bin/true"
	cat >"$root/bin/ps" <<'END'
#!/bin/sh
jail=no rows=no
for a; do
	shift
	case $a in
	jid=) jail=yes && continue ;;
	command=) rows=yes ;;
	-ww) continue ;;
	esac
	set -- "$@" "$a"
done
[ $jail$rows = yesno ] && echo 0 && exit
[ $jail = yes ] || exec /bin/ps "$@"
# The -o of "-o jid=" is left behind, before that of command.
set -- $(echo "$*" | sed 's/-o -o/-o/')
/bin/ps "$@" | sed 's/^ *\([0-9][0-9]*\) /\1 0 /'
END
	for _p in pgrep pkill; do
		cat >"$root/bin/$_p" <<END
#!/bin/sh
signal= pattern= parent=
while [ \$# -gt 0 ]; do
	case \$1 in
	-T) shift ;;
	-q) exec >/dev/null ;;
	-xf) pattern=\$2 && shift ;;
	-P) parent=\$2 && shift ;;
	-*) signal=\$1 ;;
	esac
	shift
done
found=1
if [ -n "\$parent" ]; then
	[ $_p = pgrep ] || exec /usr/bin/pkill \$signal -P "\$parent"
	exec /usr/bin/pgrep -P "\$parent"
fi
for pid in \$(/usr/bin/pgrep -xf "\$pattern"); do
	case \$(ps -o comm= -p "\$pid") in postern-*) continue ;; esac
	found=0
	[ $_p = pgrep ] && echo "\$pid" || kill \$signal "\$pid"
done
exit \$found
END
	done
	cat >"$root/bin/id" <<'END'
#!/bin/sh
case $1 in
-R) echo 0 ;;
-u) echo 0 ;;
*) exec /usr/bin/id "$@" ;;
esac
END
	cat >"$root/bin/su" <<'END'
#!/bin/sh
while [ $# -gt 1 ]; do shift; done
exec sh -c "$1"
END
	printf '#!/bin/sh\nexit 1\n' >"$root/bin/getcap"
	chmod +x "$root"/bin/*
}

write_conf() { # GREETING
	{
		user_line
		cat <<END
hostname = mx.test
drain = 2s
spool { directory = "$root" }
listen mx { address = {"127.0.0.1:$port"}  greeting = "$1" }
backend none { protocol = discard }
route all { rcpt-domain = {"example.org"}  backend = none }
END
	} >"$conf"
	chmod 755 "$root" && chmod 644 "$conf"
}

rc() {
	RC_SHELL=$shell PATH=$root/bin:$PATH "$shell" "$root/etc/rc.d/postern" "$1" </dev/null
}
refused() { ! rc "$@"; }
greets() { # TEXT
	perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(PeerAddr => $ARGV[0], Timeout => 5)
		    or exit 1;
		alarm 5;
		exit(index(scalar <$s>, $ARGV[1]) < 0)' "127.0.0.1:$port" "$1"
}
silent() { ! greets ""; }
# The master's children keep its arguments where there is no setproctitle(3).
master() { "$root/bin/pgrep" -xf "$root/sbin/posternd .*" | head -n 1; }

life() { # NAME STATUS-COMMAND
	port=$(free_port)
	write_conf "first of $1"
	check "$1: configtest of a good file" rc configtest
	check "$1: start" rc start
	check "$1: it serves when start returns" greets "first of $1"
	check "$1: $2" rc "$2"
	before=$(master)

	echo 'nonsense = 1' >>"$conf"
	check "$1: configtest of a bad file" refused configtest
	check "$1: reload of a bad file is refused" refused reload
	check "$1: restart with a bad file is refused" refused restart
	check "$1: and what runs goes on" greets "first of $1"
	equal "$1: as the same process" "$(master)" "$before"

	write_conf "second of $1"
	check "$1: reload" rc reload
	check "$1: the new file is in force" wait_until 10 greets "second of $1"
	equal "$1: in the same process" "$(master)" "$before"

	check "$1: restart" rc restart
	check "$1: it serves after the restart" greets "second of $1"
	after=$(master)
	check "$1: as another process" test "$after" != "$before"

	check "$1: stop" rc stop
	check "$1: nothing listens any more" silent
	check "$1: $2 says that it does not run" refused "$2"
	echo 'nonsense = 1' >>"$conf"
	check "$1: start with a bad file is refused" refused start
	check "$1: and nothing runs" silent
}

# Whatever a failed test left behind: only what runs from our own directory.
at_end() {
	[ -z "${root:-}" ] || for _pid in $(pgrep -f "^$tmp/.*/sbin/posternd "); do
		kill -TERM "$_pid" 2>/dev/null
	done
}

have perl ps pgrep || {
	not_run rc "missing: $missing"
	finish
}
ksh=
for _k in mksh ksh93 ksh; do
	[ -n "$ksh" ] || ! command -v $_k >/dev/null || ksh=$_k
done

for system in freebsd netbsd openbsd; do
	shell=sh action=status standin=bsd
	if [ $system = openbsd ]; then
		shell=${ksh:-sh} action=check standin=openbsd
	fi
	prepare $system "$top/tests/support/rc/$standin.subr"
	life "$system, stand-in" $action
	variable=RC_$(echo $system | tr '[:lower:]' '[:upper:]')
	eval "real=\${$variable:-}"
	if [ -z "$real" ]; then
		not_run "$system, its own rc.subr" \
		    "$variable does not say where it is"
	elif [ $system = openbsd ] && [ -z "$ksh" ]; then
		not_run "$system, its own rc.subr" "no ksh here"
	else
		prepare $system "$real"
		life "$system, its own rc.subr" $action
	fi
done

# The unit: what systemd(1) says of it, and that it hears of every change.
sed "s,@SBINDIR@,$(dirname "$POSTERND"),g; s,@SYSCONFDIR@,$tmp/etc,g" \
    "$top/rc/postern.service.in" >"$tmp/postern.service"
mkdir -p "$tmp/etc/postern"
: >"$tmp/etc/postern/postern.conf"
if have systemd-analyze; then
	said=$(systemd-analyze verify --man=no "$tmp/postern.service" 2>&1)
	lacks "systemd-analyze finds nothing in the unit" "$said" "postern.service"
	# Whatever version: what the sets of this one have, and what is named.
	allowed=$(sed -n 's/^SystemCallFilter=//p' "$tmp/postern.service")
	# shellcheck disable=SC2034,SC2086 # words; sets in sets
	for depth in 1 2 3; do
		allowed=$(systemd-analyze syscall-filter $allowed 2>/dev/null |
		    grep -o '^ *[@a-z][a-z_0-9-]*$'; echo $allowed)
	done
	for call in landlock_create_ruleset landlock_add_rule \
	    landlock_restrict_self chroot setgroups memfd_create execve; do
		matches "the unit lets us call $call" \
		    "$(echo $allowed | tr ' ' '\n')" "^$call\$"
	done
	# The drop-in that its comment shows.
	mkdir "$tmp/postern.service.d"
	sed -n 's/^#   //p' "$tmp/postern.service" \
	    >"$tmp/postern.service.d/sendmail.conf"
	said=$(cat "$tmp/postern.service.d/sendmail.conf"
	    systemd-analyze verify --man=no "$tmp/postern.service" 2>&1)
	equal "nor in the drop-in for Postfix's sendmail" "$said" \
	    "[Service]
NoNewPrivileges=no
ReadWritePaths=/var/spool/postfix
RestrictAddressFamilies=AF_NETLINK"
else
	not_run "systemd-analyze of the unit" "there is no systemd-analyze"
fi

cat >"$tmp/manager.pl" <<'END'
use strict;
use Socket;
$| = 1;
socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die;
bind($s, sockaddr_un($ARGV[0])) or die;
print "listens\n";
while (defined recv($s, my $text, 512, 0)) { print "$text\n" }
END
run manager perl "$tmp/manager.pl" "$tmp/notify"
check "a manager listens" wait_until 5 grep -q listens "$tmp/manager.log"
NOTIFY_SOCKET=$tmp/notify
export NOTIFY_SOCKET
gateway notified <<'END'
hostname = mx.test
listen mx { address = {"127.0.0.1:@PORT1@"} }
backend none { protocol = discard }
route all { rcpt-domain = {"example.org"}  backend = none }
END
unset NOTIFY_SOCKET
heard() { tail -n +2 "$tmp/manager.log" | tr '\n' ' '; }
heard_is() { [ "$(heard)" = "$1" ]; }
check "the manager hears that it is ready" wait_until 5 heard_is "READY=1 "
kill -HUP "$gw_pid"
check "and of a reload" wait_until 5 heard_is "READY=1 RELOADING=1 READY=1 "
stop "$gw_pid"
check "and of the end" \
    wait_until 5 heard_is "READY=1 RELOADING=1 READY=1 STOPPING=1 "
finish
