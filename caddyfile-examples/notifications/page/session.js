// Who one is: the session is in a cookie, which scripts cannot see.
import { $, face, fill } from "./dom.js";
import { api, until } from "./api.js";
import { trouble } from "./toast.js";

// All tabs of a browser have the same session, and begin anew when it changes.
const tabs = new BroadcastChannel("session");
tabs.onmessage = () => location.reload();

async function change(method, body) {
	try {
		await api(method, "/api/session", body);
		tabs.postMessage("changed");
		location.reload();
	} catch (error) {
		trouble(error);
	}
}

// session is the member who one is, or nothing: then the door is shown.
export async function session() {
	const me = await until(() => api("GET", "/api/session")).catch(() => {});
	const members = await until(() => api("GET", "/api/members"));
	for (const list of document.querySelectorAll(".people"))
		list.replaceChildren(...members.map(member => person(member, me)));
	$("door").hidden = !!me;
	$("feed").hidden = $("tools").hidden = !me;
	if (!me) return;
	const avatar = face(document.createElement("span"), me);
	avatar.className = "avatar";
	$("me").replaceChildren(avatar);
	$("me").ariaLabel = `You are ${me.name}. Be somebody else`;
	$("sign-out").onclick = () => change("DELETE");
	return me;
}

function person(member, me) {
	const item = fill("person", { ".name": member.name, small: member.key === me?.key ? "you" : member.admin ? "admin" : "" });
	const button = item.firstElementChild;
	face(button.firstElementChild, member);
	button.dataset.key = member.key;
	button.ariaCurrent = member.key === me?.key ? "true" : null;
	button.onclick = () => change("POST", { member: member.key });
	return item;
}
