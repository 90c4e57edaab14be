#!/bin/sh
# backend-links.sh: posternd's links to real servers: TLS, AUTH, XCLIENT, PROXY
# and BDAT with a private Postfix (SASL by Dovecot), XCLIENT and BDAT with
# Dovecot's LMTP over TCP.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"
need swaks openssl postfix dovecot
if [ "$(id -u)" -ne 0 ] || ! id postfix >/dev/null 2>&1; then
	not_run backend-links "a private Postfix needs root and its user"
	finish
fi
case $(dovecot --version) in
2.3.*) ;;
*)
	not_run backend-links "written for Dovecot 2.3"
	finish
	;;
esac

must cert mail 2
must cert other 2
pin=$(openssl x509 -in "$tmp/mail.crt" -noout -pubkey |
    openssl pkey -pubin -outform DER | openssl dgst -sha256 -binary |
    openssl base64)
(umask 077 && printf 'open sesame\n' >"$tmp/secret" &&
    printf 'wrong\n' >"$tmp/wrong")

# --- Dovecot: passwords for Postfix, and LMTP ------------------------------------

dir=$tmp/dovecot
mkdir -p "$dir" "$tmp/users"
uid=$(id -u nobody) gid=$(id -g nobody)
chown nobody "$tmp/users"
printf '%s\n' "gw:{PLAIN}open sesame:$uid:$gid::$tmp/users/gw::" \
    "alice:{PLAIN}x:$uid:$gid::$tmp/users/alice::" >"$tmp/passwd"
dovecot_start() {
	lmtp_port=$(free_port)
	cat >"$tmp/dovecot.conf" <<-END
	base_dir = $dir/run
	state_dir = $dir/state
	log_path = $tmp/dovecot.log
	protocols = lmtp
	ssl = no
	listen = 127.0.0.1
	first_valid_uid = $uid
	first_valid_gid = $gid
	mail_location = maildir:~/Maildir
	auth_mechanisms = plain login
	auth_failure_delay = 0
	mail_debug = yes
	login_trusted_networks = 127.0.0.0/8
	postmaster_address = postmaster@example.org
	passdb {
	  driver = passwd-file
	  args = username_format=%n $tmp/passwd
	}
	userdb {
	  driver = passwd-file
	  args = username_format=%n $tmp/passwd
	}
	service auth {
	  unix_listener $dir/auth {
	    mode = 0666
	  }
	}
	service lmtp {
	  inet_listener lmtp {
	    address = 127.0.0.1
	    port = $lmtp_port
	  }
	}
	service stats {
	  unix_listener stats-writer {
	    mode = 0666
	  }
	}
	service anvil {
	  chroot =
	}
	END
	run dovecot-out dovecot -F -c "$tmp/dovecot.conf"
	wait_until 20 grep -q 'starting up' "$tmp/dovecot.log" &&
	    wait_until 20 test -S "$dir/auth" && return 0
	cat "$tmp/dovecot-out.log" "$tmp/dovecot.log"
	return 1
}
must dovecot_start

# --- Postfix -----------------------------------------------------------------------

pf=$tmp/postfix
mkdir -p "$pf/etc" "$pf/queue" "$pf/data"
chown postfix "$pf/data"
tls_port=$(free_port) smtps_port=$(free_port) xclient_port=$(free_port)
proxy_port=$(free_port) closed_port=$(free_port)
cat >"$pf/etc/main.cf" <<END
compatibility_level = 3.6
queue_directory = $pf/queue
data_directory = $pf/data
maillog_file = $pf/log
maillog_file_prefixes = $tmp
syslog_name = postern-test
myhostname = mail.example.org
mydestination =
mynetworks =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
virtual_mailbox_domains = static:all
virtual_mailbox_maps = static:all
virtual_transport = discard:
smtpd_relay_restrictions = reject_unauth_destination
sasl_restrictions = permit_sasl_authenticated, reject
client_restrictions = check_client_access inline:{ 203.0.113.66=reject }
smtpd_tls_cert_file = $tmp/mail.crt
smtpd_tls_key_file = $tmp/mail.key
smtpd_tls_loglevel = 1
smtpd_sasl_type = dovecot
smtpd_sasl_path = $dir/auth
smtpd_tls_auth_only = yes
default_process_limit = 20
END
cat >"$pf/etc/master.cf" <<END
127.0.0.1:$tls_port inet n - n - - smtpd -o smtpd_tls_security_level=encrypt -o smtpd_sasl_auth_enable=yes -o smtpd_recipient_restrictions=\$sasl_restrictions
127.0.0.1:$smtps_port inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
127.0.0.1:$xclient_port inet n - n - - smtpd -o smtpd_authorized_xclient_hosts=127.0.0.0/8 -o smtpd_client_restrictions=\$client_restrictions
127.0.0.1:$proxy_port inet n - n - - smtpd -o smtpd_upstream_proxy_protocol=haproxy -o smtpd_client_restrictions=\$client_restrictions
127.0.0.1:$closed_port inet n - n - - smtpd
cleanup   unix n - n -   0 cleanup
qmgr      unix n - n 300 1 qmgr
rewrite   unix - - n -   - trivial-rewrite
bounce    unix - - n -   0 bounce
defer     unix - - n -   0 bounce
trace     unix - - n -   0 bounce
proxymap  unix - - n -   - proxymap
tlsmgr    unix - - n 1000? 1 tlsmgr
error     unix - - n -   - error
retry     unix - - n -   - error
discard   unix - - n -   - discard
anvil     unix - - n -   1 anvil
scache    unix - - n -   1 scache
postlog   unix-dgram n - n - 1 postlogd
END
answers() { swaks --server "127.0.0.1:$closed_port" --quit-after BANNER --timeout 2; }
postfix_start() {
	run postfix postfix -c "$pf/etc" start-fg
	wait_until 20 test -s "$pf/queue/pid/master.pid" &&
	    postfix_pid=$(tr -d ' ' <"$pf/queue/pid/master.pid") &&
	    children="$children $postfix_pid"
	wait_until 20 answers && return 0
	cat "$tmp/postfix.log" "$pf/log" 2>/dev/null
	return 1
}
must postfix_start

# --- the gateway ---------------------------------------------------------------------

# backend NAME PORT LINES...: and its route, for NAME.test
backend() {
	printf 'backend %s {\n\tprotocol = %s\n\tserver a { address = "127.0.0.1:%s" }\n' \
	    "$1" "${4:-smtp}" "$2"
	printf '\t%s\n}\nroute %s { rcpt-domain = {"%s.test"}  backend = %s }\n' \
	    "$3" "$1" "$1" "$1"
}
good="ca = \"$tmp/mail.crt\"  name = mail.example.org"
login="user = gw  secret-file = \"$tmp/secret\""
{
	cat <<-END
	hostname = gw.example.org
	workers = 1
	log { level = debug }
	listen in {
	    address = {"127.0.0.1:@PORT1@"}
	    xclient-from = {"127.0.0.1"}
	    xclient-login = yes
	}
	END
	backend tls "$tls_port" "tls { $good }  auth { $login }"
	backend login "$tls_port" \
	    "tls { pin = {\"$pin\"} }  auth { $login  mechanism = login }"
	backend wrong "$tls_port" \
	    "tls { $good }  auth { user = gw  secret-file = \"$tmp/wrong\" }"
	backend nobody "$tls_port" "tls { $good }"
	backend name "$tls_port" "tls { ca = \"$tmp/mail.crt\" }"
	backend authority "$tls_port" \
	    "tls { ca = \"$tmp/other.crt\"  name = mail.example.org }"
	backend smtps "$smtps_port" "tls { mode = implicit  $good }"
	backend none "$xclient_port" "tls { mode = implicit  $good }"
	backend xclient "$xclient_port" "identify = xclient"
	backend closed "$closed_port" "identify = xclient"
	backend proxy1 "$proxy_port" "identify = proxy-v1"
	backend proxy2 "$proxy_port" "identify = proxy-v2"
	backend store "$lmtp_port" "identify = xclient" lmtp
} >"$tmp/in.conf"
gateway gw <"$tmp/in.conf" || { must false; }

send() { # DOMAIN ARGS...
	_to=$1
	shift
	swaks_to "$port1" --to "${user:-user}@$_to.test" "$@"
	line=$(record "$gw_log" "$(id_of "$swaks_out")")
}
accepted() { # NAME
	if [ "$swaks_code" -eq 0 ]; then ok "$1"; else
		not_ok "$1" "$line
$(tail -n 5 "$pf/log")"
	fi
}
queue_id() {
	printf '%s\n' "$swaks_out" |
	    sed -n 's/.*queued as \([0-9A-Za-z]*\).*/\1/p'
}
logged() { # NAME TEXT: in Postfix's log, behind the message's id
	check "$1" wait_until 10 grep -qE "$(queue_id): $2" "$pf/log"
}

send tls
accepted "STARTTLS and AUTH PLAIN: a message"
logged "and Postfix knows us" \
    'client=localhost\[127.0.0.1\], sasl_method=PLAIN, sasl_username=gw'
equal "the link is verified" "$(key link_tls "$line")" verified
send tls
accepted "a second one"
equal "over the same connection" "$(key link "$line")" pooled
send login
accepted "a pinned key and AUTH LOGIN: a message"
logged "and Postfix knows us" 'client=.*sasl_method=LOGIN, sasl_username=gw'
send smtps
accepted "implicit TLS: a message"
matches "Postfix saw TLS" "$(cat "$pf/log")" 'TLS connection established from'

fault() { # DOMAIN FAULT
	send "$1"
	matches "$2: the client hears 451" "$swaks_out" '^<\*\* 451 4\.3\.0 '
	equal "$2: and the log says why" "$(key fault "$line")" "$2"
}
fault wrong auth-refused
fault name tls-name
fault authority tls-untrusted
fault closed xclient-missing
fault none tls-handshake
send nobody
matches "without AUTH Postfix refuses, and it is no fault of the client" \
    "$swaks_out" '^<\*\* (451|554) '
lacks "no password stands in the log" "$(cat "$gw_log")" \
    'sesame|b3BlbiBz|AGd3AG9wZW4'

# --- XCLIENT ---------------------------------------------------------------------------

for client in 192.0.2.7 198.51.100.9 192.0.2.7; do
	send xclient --xclient-addr "$client" --xclient-name "c.$client.test"
	accepted "XCLIENT: a message of $client"
	logged "Postfix takes it for the client" \
	    "client=c\\.$client\\.test\\[$client\\]"
done
send xclient --xclient-addr 203.0.113.66 --xclient-name bad.test
matches "XCLIENT: Postfix's rules for clients hold" "$swaks_out" \
    '^<\*\* (554 5\.7\.1|451 4)'
matches "and name the client" "$(cat "$pf/log")" \
    'reject: RCPT from bad.test\[203.0.113.66\]'

# --- PROXY -----------------------------------------------------------------------------

for v in 1 2; do
	for client in 192.0.2.7 198.51.100.9; do
		send "proxy$v" --xclient-addr "$client"
		accepted "PROXY version $v: a message of $client"
		logged "Postfix takes it for the client" \
		    "client=unknown\\[$client\\]"
	done
	send "proxy$v" --xclient-addr 203.0.113.66
	matches "PROXY version $v: Postfix's rules for clients hold" \
	    "$swaks_out" '^<\*\* 554 5\.7\.1'
done

# --- LMTP -----------------------------------------------------------------------------

user=alice
for client in 192.0.2.7 198.51.100.9 192.0.2.7; do
	send store --xclient-addr "$client" --helo "h.$client.test"
	accepted "Dovecot: a message of $client"
done
equal "over one connection, told anew each time" "$(key link "$line")" pooled
matches "Dovecot knows the client" \
    "$(cat "$tmp/users/alice/Maildir/new/"* 2>&1 "$tmp/dovecot.log")" \
    '198\.51\.100\.9'
user=user

# --- BDAT in one write ------------------------------------------------------------------

gen -n 20 -c 1 -m 20 --to user@smtps.test "127.0.0.1:$port1"
equal "20 messages to Postfix in a row" "$(field ok "$gen_out")" 20
wait_until 5 grep -q 'bdat=' "$pf/log"
lacks "no server obeyed what was in a refused chunk" "$(cat "$gw_log")" \
    'bdat-unswallowed'
stop "$gw_pid"
matches "Postfix counted BDAT, and the refused one" \
    "$(wait_until 10 grep 'disconnect from.*bdat=[0-9]*/' "$pf/log"
	grep 'disconnect from' "$pf/log")" 'bdat=[0-9]+/[0-9]+'
finish
