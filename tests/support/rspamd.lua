-- The rules of the private rspamd.  X-Force: what shall become of the message;
-- X-Told: what rspamd knows of it.
rspamd_config:register_symbol{
	name = 'FORCED', score = 0.0, type = 'normal',
	callback = function(task)
		local what = task:get_header('X-Force')
		local told = string.format('%s|%s|%s|%s|%s|%s', task:get_ip(),
		    task:get_helo() or '', task:get_hostname() or '',
		    (task:get_from('smtp') or {{}})[1].addr or '',
		    (task:get_recipients('smtp') or {{}})[1].addr or '',
		    task:get_queue_id() or '')
		local block = { add_headers = {
		    ['X-Told'] = { value = told, order = 0 },
		    ['X-Trace'] = { value = tostring(
			task:get_request_header('traceparent')), order = 0 } } }
		if what == 'milter' then
			block.remove_headers = { ['X-Old'] = {1, -1}, ['X-All'] = 0 }
			block.add_headers['X-Top'] = { value = 'top', order = 0 }
			block.add_headers['X-Two'] = { { value = 'b', order = 1 }, 'c' }
			block.change_from = 'bounces@example.net'
			block.add_rcpt = { 'copy@example.org' }
		elseif what == 'redirect' then
			block.add_rcpt = { 'spam@example.org' }
			block.del_rcpt = { 'user@example.org' }
		elseif what == 'instead' then
			block.reject = 'discard'
		elseif what == 'rejected instead' then
			block.reject = 'quarantine'
			task:set_pre_result('reject', 'forced', 'test', nil, nil,
			    'process_all')
		elseif what == 'nothing' then
			block.no_action = true
			task:set_pre_result('reject', 'forced', 'test', nil, nil,
			    'process_all')
		elseif what == 'body' then
			task:set_message((tostring(task:get_content()):gsub(
			    'hello', 'changed')))
		elseif what then
			task:set_pre_result(what, 'forced ' .. what, 'test', nil, nil,
			    'process_all')
		end
		task:set_milter_reply(block)
		return true
	end
}
