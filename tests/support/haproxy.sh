# shellcheck shell=sh disable=SC2034,SC2154,SC2317
# haproxy.sh: a private HAProxy.  Sourced behind peers.sh.
#
#	haproxy_start READY... <CONF	READY... is a command that succeeds when it
#					is of use; @FRONT1@ to @FRONT3@ in CONF
#					become $front1 to $front3, free ports
#	haproxy_common			lines for the beginning of CONF, with times
#					for tests and a socket for:
#	haproxy_socket			that socket alone, and few descriptors
#	haproxy_ask COMMAND		its answer
#	haproxy_stat BACKEND [SERVER]	the line of a server (gw) in "show stat"
#	haproxy_is BACKEND STATE [SERVER]
#	haproxy_saw_smtp BACKEND [SERVER]	by its last check

haproxy_socket() {
	cat <<-END
	global
	    stats socket $tmp/haproxy.sock mode 600 level admin
	    maxconn 200
	END
}

haproxy_common() {
	haproxy_socket
	cat <<-END
	defaults
	    mode tcp
	    timeout connect 5s
	    timeout client 1m
	    timeout server 1m
	    timeout check 3s
	END
}

haproxy_ready() { gone_or_zombie "$haproxy_pid" || "$@"; }

# Its ports may be taken between choice and use.
haproxy_start() {
	cat >"$tmp/haproxy.in"
	for _try in 1 2 3; do
		front1=$(free_port) front2=$(free_port) front3=$(free_port)
		sed "s/@FRONT1@/$front1/g; s/@FRONT2@/$front2/g
		    s/@FRONT3@/$front3/g" "$tmp/haproxy.in" >"$tmp/haproxy.cfg"
		run haproxy haproxy -db -f "$tmp/haproxy.cfg"
		haproxy_pid=$pid
		wait_until 10 haproxy_ready "$@" &&
		    ! gone_or_zombie "$haproxy_pid" && return 0
		stop "$haproxy_pid"
	done
	cat "$tmp/haproxy.log"
	return 1
}

# shellcheck disable=SC2016 # perl's variables
haproxy_ask() {
	perl -MIO::Socket::UNIX -e '
		my $s = IO::Socket::UNIX->new(Peer => shift) or exit 1;
		print $s shift, "\n";
		print while <$s>' "$tmp/haproxy.sock" "$1"
}
haproxy_stat() { haproxy_ask "show stat" | grep "^$1,${2:-gw},"; }
haproxy_is() { haproxy_stat "$1" "${3:-gw}" | cut -d , -f 18 | grep -qx "$2"; }
# check_status is field 37, check_code 38; while a check is under way, that is 0
haproxy_saw_smtp() {
	haproxy_stat "$1" "${2:-gw}" | cut -d , -f 37,38 |
	    grep -Eq '^(\* )?L7OK,2[0-9][0-9]$'
}
