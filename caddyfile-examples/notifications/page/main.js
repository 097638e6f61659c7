import { $ } from "./dom.js";
import { session } from "./session.js";
import { api } from "./api.js";
import { loadPosts } from "./feed.js";
import { hear, hearRead, loadNotifications } from "./bell.js";
import { listen } from "./live.js";
import { toast, trouble } from "./toast.js";

// A session that is over is noticed here, at the latest.
const load = (...loads) => Promise.all(loads.map(load => load())).catch(error => {
	if (error.status !== 401) throw error;
	location.reload();
});
const loadAll = () => load(loadPosts, loadNotifications);

// What a notification tells of shows at its post, too. However many come, the
// posts are loaded once a second at most.
let due;
const loadPostsSoon = () => due ??= setTimeout(() => {
	due = undefined;
	load(loadPosts);
}, 1000);

const me = await session();
if (me) {
	loadAll();
	listen(me, {
		live: loadAll,
		notification(notification) {
			hear(notification);
			loadPostsSoon();
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
	await api("POST", `/message/send?message=${encodeURIComponent(text)}`).catch(error => {
		$("announcement").value = [text, $("announcement").value].filter(Boolean).join(" ");
		trouble(error);
	});
};
