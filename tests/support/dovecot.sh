# shellcheck shell=sh disable=SC2034,SC2154,SC2317
# dovecot.sh: a private Dovecot 2.3.  Sourced behind peers.sh.
#
#	need_dovecot			else the whole script is not run
#	dovecot_possible		the same as a question; why not is in $why
#	dovecot_user NAME PASSWORD [EXTRA]	by whatever domain; home in $tmp/users
#	dovecot_start LISTENER <CONF	CONF stands behind what all have in common,
#					@PORT@ in it becomes $dovecot_port; it is
#					ready when $dovecot_run/LISTENER is there
#					("port": when it listens at the port)
#	dovecot_again LISTENER		the same once more
#	dovecot_lmtp [LINE...]		CONF of a mail store: a service lmtp
#	mails USER | mail_count USER	what came for a user

dovecot_run=$tmp/dovecot/run
dovecot_log=$tmp/dovecot.log

dovecot_possible() {
	have dovecot || {
		why="missing: dovecot"
		return 1
	}
	case $(dovecot --version) in
	2.3.*) ;;
	*)
		why="written for Dovecot 2.3, here is $(dovecot --version)"
		return 1
		;;
	esac
	if [ "$(id -u)" -eq 0 ]; then
		# Mail belongs to an ordinary user, as everywhere.
		mail_user=nobody login_user=dovenull internal_user=dovecot
	else
		mail_user=$(id -un) login_user=$mail_user internal_user=$mail_user
	fi
	for _u in $mail_user $login_user $internal_user; do
		id "$_u" >/dev/null 2>&1 && continue
		why="there is no user $_u"
		return 1
	done
	mail_uid=$(id -u "$mail_user") mail_gid=$(id -g "$mail_user")
	mkdir -p "$tmp/dovecot" "$tmp/users"
	chown "$mail_uid:$mail_gid" "$tmp/users"
}

need_dovecot() {
	dovecot_possible && return 0
	not_run "${self_name%.sh}" "$why"
	finish
}

dovecot_user() {
	echo "$1:{PLAIN}$2:$mail_uid:$mail_gid::$tmp/users/$1::${3:-}" >>"$tmp/passwd"
}

dovecot_common() {
	cat <<-END
	base_dir = $dovecot_run
	state_dir = $tmp/dovecot/state
	log_path = $dovecot_log
	protocols =
	ssl = no
	listen = 127.0.0.1
	hostname = store.example.org
	default_internal_user = $internal_user
	default_internal_group = $(id -gn "$internal_user")
	default_login_user = $login_user
	first_valid_uid = $mail_uid
	first_valid_gid = $mail_gid
	mail_location = maildir:~/Maildir
	postmaster_address = postmaster@example.org
	auth_verbose = yes
	disable_plaintext_auth = no
	passdb {
	  driver = passwd-file
	  args = username_format=%n $tmp/passwd
	}
	userdb {
	  driver = passwd-file
	  args = username_format=%n $tmp/passwd
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
}

dovecot_lmtp() {
	cat <<-END
	protocols = lmtp
	mail_plugins = quota
	recipient_delimiter = +
	lmtp_save_to_detail_mailbox = no
	plugin {
	  quota = maildir:User quota
	  quota_rule = *:storage=1G
	}
	service lmtp {
	  client_limit = 1
	  unix_listener lmtp {
	    mode = 0666
	  }
	  inet_listener lmtp {
	    address = 127.0.0.1
	    port = @PORT@
	  }
	}
	END
	for _line; do echo "$_line"; done
}

dovecot_ready() {
	gone_or_zombie "$dovecot_pid" && return 0
	grep -q 'starting up' "$dovecot_log" || return 1
	case $1 in
	port) listens "$dovecot_port" ;;
	*) [ -S "$dovecot_run/$1" ] ;;
	esac
}

dovecot_again() {
	: >"$dovecot_log"
	run dovecot-out dovecot -F -c "$tmp/dovecot.conf"
	dovecot_pid=$pid
	wait_until 20 dovecot_ready "$1" && ! gone_or_zombie "$dovecot_pid"
}

# Its port may be taken between choice and use.
dovecot_start() {
	cat >"$tmp/dovecot.in"
	for _try in 1 2 3; do
		dovecot_port=$(free_port)
		{
			dovecot_common
			sed "s/@PORT@/$dovecot_port/g" "$tmp/dovecot.in"
		} >"$tmp/dovecot.conf"
		dovecot_again "$1" && return 0
		stop "$dovecot_pid"
	done
	cat "$tmp/dovecot-out.log" "$dovecot_log"
	return 1
}

mails() { cat "$tmp/users/$1/Maildir/new/"* 2>/dev/null; }
mail_count() {
	find "$tmp/users/$1/Maildir/new" -type f 2>/dev/null | awk 'END { print NR }'
}
