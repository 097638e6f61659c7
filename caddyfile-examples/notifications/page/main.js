import { $ } from "./dom.js";
import { session } from "./session.js";
import { loadPosts } from "./feed.js";
import { hear, hearRead, loadNotifications } from "./bell.js";
import { listen } from "./live.js";
import { toast, trouble } from "./toast.js";

// A session that is over is noticed here, at the latest.
const load = () => Promise.all([loadPosts(), loadNotifications()]).catch(error => {
	if (error.status !== 401) throw error;
	location.reload();
});

const me = await session();
if (me) {
	load();
	listen(me, {
		live: load,
		notification(notification) {
			hear(notification);
			load();
		},
		read: hearRead,
		message: text => toast(text, { by: { name: "📣" } }),
	});
	$("announce").hidden = !me.admin;
}

// An admin's word goes to everyone by the gateway alone.
$("announce").onsubmit = async event => {
	event.preventDefault();
	const text = $("announcement").value.trim();
	if (!text) return;
	$("announcement").value = "";
	await fetch(`/message/send?message=${encodeURIComponent(text)}`, { method: "POST" }).then(answer => {
		if (!answer.ok) throw new Error(`status ${answer.status}`);
	}).catch(error => {
		$("announcement").value ||= text;
		trouble(error);
	});
};
