#!/bin/sh
# demo.sh banner: says how to use the demonstration; demo.sh send: sends one
# message to it with what is there (swaks, nc, or bash's /dev/tcp).

host=127.0.0.1 port=2525
from=you@example.net to=postmaster@example.org

# One line a second, like a person: no command before the reply to the last.
lines() {
	sleep 1
	for line in 'EHLO laptop.example.net' "MAIL FROM:<$from>" \
	    "RCPT TO:<$to>" DATA; do
		printf '%s\r\n' "$line"
		sleep 1
	done
	printf 'From: %s\r\nTo: %s\r\nSubject: %s\r\n' "$from" "$to" "hello postern"
	printf 'Date: %s\r\n' "$(date -u '+%a, %d %b %Y %H:%M:%S +0000')"
	printf 'Message-ID: <%s.%s@example.net>\r\n' "$(date +%s)" $$
	printf '\r\nIt works.\r\n.\r\n'
	sleep 1
	printf 'QUIT\r\n'
	sleep 1
}

case ${1:-banner} in
banner)
	if command -v swaks >/dev/null; then
		how="swaks --server $host:$port --from $from --to $to"
	else
		how="make demo-send        (or: sh tests/demo.sh send)"
	fi
	cat <<-END

	postern listens on $host:$port and delivers to build/demo/Maildir.
	It never leaves this machine.  From another terminal:

	    send a message:      $how
	    by hand:             telnet $host $port
	    see what arrived:    cat build/demo/Maildir/new/*

	Ctrl-C ends it.

	END
	;;
send)
	if command -v swaks >/dev/null; then
		exec swaks --server $host:$port --from $from --to $to
	elif command -v nc >/dev/null; then
		lines | nc $host $port
	elif command -v bash >/dev/null; then
		# shellcheck disable=SC2016 # bash expands it, not this shell
		lines | bash -c 'exec 3<>/dev/tcp/$0/$1 || exit 1
		    cat <&3 & cat >&3; wait' $host $port
	else
		echo "none of swaks, nc and bash is here; try telnet" >&2
		exit 1
	fi
	;;
esac
