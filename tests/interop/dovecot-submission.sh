#!/bin/sh
# dovecot-submission.sh: Dovecot's submission service as a client.  It does AUTH
# for its users and hands their mail to posternd, which it tells by XCLIENT who
# they are.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"
need dovecot swaks

case $(dovecot --version) in
2.3.*) ;;
*)
	not_run dovecot-submission \
	    "written for Dovecot 2.3, here is $(dovecot --version)"
	finish
	;;
esac
found=no
for d in /usr/lib/dovecot /usr/libexec/dovecot /usr/local/libexec/dovecot \
    /usr/pkg/libexec/dovecot; do
	[ ! -x $d/submission-login ] || found=yes
done
if [ $found = no ]; then
	not_run dovecot-submission "missing: its submission service"
	finish
fi
if [ "$(id -u)" -eq 0 ]; then
	for u in dovecot dovenull; do
		id $u >/dev/null 2>&1 && continue
		not_run dovecot-submission "there is no user $u"
		finish
	done
	mail_user=nobody login_user=dovenull internal_user=dovecot
else
	mail_user=$(id -un) login_user=$mail_user internal_user=$mail_user
fi
mail_uid=$(id -u "$mail_user") mail_gid=$(id -g "$mail_user")
from=127.0.0.3
free_port $from >/dev/null 2>&1 || from=127.0.0.1

# --- the gateway ----------------------------------------------------------------

mkdir -m 1777 "$tmp/mail"
must gateway gw <<END
hostname = "gw.example.org"
workers  = 2
listen trusted {
	address       = {"127.0.0.1:@PORT1@"}
	xclient-from  = {"127.0.0.1"}
	xclient-login = true
	filters       = {unwanted}
}
listen plain { address = {"127.0.0.1:@PORT2@"} }
access unwanted { deny = {"127.0.0.66"}  text = "not from there" }
backend store { protocol = maildir  path = "$tmp/mail/%u" }
route stored { rcpt-domain = {"example.org"}  backend = store }
END

# --- Dovecot ----------------------------------------------------------------------

dir=$tmp/dovecot
mkdir -p "$dir" "$tmp/users"
chown "$mail_uid:$mail_gid" "$tmp/users"
for u in alice bob; do
	echo "$u@example.org:{PLAIN}secret:$mail_uid:$mail_gid::$tmp/users/$u::"
done >"$tmp/passwd"

# dovecot_start RELAY-PORT TRUSTED
dovecot_start() {
	for _try in 1 2 3; do
		submit_port=$(free_port)
		cat >"$tmp/dovecot.conf" <<-END
		base_dir = $dir/run
		state_dir = $dir/state
		log_path = $tmp/dovecot.log
		auth_verbose = yes
		protocols = submission
		ssl = no
		disable_plaintext_auth = no
		listen = 127.0.0.1
		hostname = submit.example.org
		default_internal_user = $internal_user
		default_internal_group = $(id -gn "$internal_user")
		default_login_user = $login_user
		first_valid_uid = $mail_uid
		first_valid_gid = $mail_gid
		mail_location = maildir:~/Maildir
		submission_relay_host = 127.0.0.1
		submission_relay_port = $1
		submission_relay_trusted = $2
		passdb {
		  driver = passwd-file
		  args = $tmp/passwd
		}
		userdb {
		  driver = passwd-file
		  args = $tmp/passwd
		}
		service submission-login {
		  chroot =
		  inet_listener submission {
		    port = $submit_port
		  }
		}
		service anvil {
		  chroot =
		}
		service stats {
		  unix_listener stats-writer {
		    mode = 0666
		  }
		}
		END
		: >"$tmp/dovecot.log"
		run dovecot-out dovecot -F -c "$tmp/dovecot.conf"
		dovecot_pid=$pid
		wait_until 10 dovecot_ready || :
		alive "$dovecot_pid" && answers && return 0
		stop "$dovecot_pid"
	done
	cat "$tmp/dovecot-out.log" "$tmp/dovecot.log"
	return 1
}
dovecot_ready() { gone_or_zombie "$dovecot_pid" || answers; }
answers() {
	swaks --server "127.0.0.1:$submit_port" --quit-after BANNER \
	    --timeout 2 >/dev/null 2>&1 </dev/null
}
# submit USER ARGS...
submit() {
	_user=$1
	shift
	swaks_to "$submit_port" --local-interface $from --auth PLAIN \
	    --auth-user "$_user@example.org" --auth-password secret "$@"
}

# --- trusted: XCLIENT ---------------------------------------------------------------

must dovecot_start "$port1" yes
submit alice --from alice@example.org --to one@example.org
equal "a message of an authenticated user" "$swaks_code" 0
rec=$(record "$gw_log" "$(id_of "$swaks_out")")
equal "the client is who came to Dovecot, the proxy is Dovecot" \
    "$(key client "$rec") $(key proxy "$rec")" "$from 127.0.0.1"
equal "and has the name that it said there" "$(key helo "$rec")" \
    client.example.net
equal "the record has its login" "$(key login "$rec")" alice@example.org
mail=$(cat "$tmp/mail/one/new/"* 2>&1)
matches "Received names the client" "$mail" \
    "^Received: from client.example.net \(\[$from\]\)"
matches "and says that it is authenticated" "$mail" 'with ESMTPA id'

submit alice --from alice@example.org --to two@example.org,three@example.org
equal "two recipients" "$swaks_code" 0
equal "have it" "$(find "$tmp/mail/two/new" "$tmp/mail/three/new" -type f |
    awk 'END { print NR }')" 2

awk 'BEGIN { print "Subject: big\n"
	for (i = 0; i < 40000; i++) print "." i " a line of a big message" }' >"$tmp/big"
submit bob --from bob@example.org --to big@example.org --data "@$tmp/big"
equal "a big message" "$swaks_code" 0
rec=$(record "$gw_log" "$(id_of "$swaks_out")")
equal "of another user" "$(key login "$rec")" bob@example.org
sed -n '/^Subject: big/,$p' "$tmp/mail/big/new/"* | tr -d '\r' >"$tmp/big.came"
check "is what was sent" cmp -n "$(wc -c <"$tmp/big")" "$tmp/big" "$tmp/big.came"

submit alice --from alice@example.org --to x@elsewhere.example.net
matches "what posternd refuses, the user hears in its words" "$swaks_out" \
    '^<\*\* 550 5\.7\.1 .*relaying denied'
if [ $from = 127.0.0.3 ]; then
	from=127.0.0.66
	submit alice --from alice@example.org --to four@example.org
	from=127.0.0.3
	at_least "an address that is denied gets no mail in" "$swaks_code" 1
	lacks "and nothing is delivered for it" "$(ls "$tmp/mail")" four
	check "the filters saw its address" wait_until 5 grep -q \
	    'client=127.0.0.66 proxy=127.0.0.1.*not from there' "$gw_log"
fi
stop "$dovecot_pid"

# --- not trusted: Dovecot is the client -----------------------------------------------

must dovecot_start "$port2" yes
submit alice --from alice@example.org --to five@example.org
equal "where XCLIENT is not offered: a message" "$swaks_code" 0
rec=$(record "$gw_log" "$(id_of "$swaks_out")")
equal "where XCLIENT is not offered: the client is Dovecot itself" \
    "$(key client "$rec") $(key proxy "$rec") $(key login "$rec")" "127.0.0.1  "

lacks "Dovecot has nothing to complain of" "$(cat "$tmp/dovecot.log")" \
    'Error|Fatal|Panic'
stop "$dovecot_pid"
stop "$gw_pid"
equal "posternd ends well" "$code" 0
finish
