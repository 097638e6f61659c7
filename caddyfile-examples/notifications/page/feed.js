// The posts, each an article that is made once, and then kept up to date.
import { $, face, fill, isolated, place } from "./dom.js";
import { api, until } from "./api.js";
import { trouble } from "./toast.js";

const articles = new Map(); // by the post's ID

export async function loadPosts() {
	const posts = await until(() => api("GET", "/api/posts"));
	place($("posts"), posts.map(show));
}

function show(post) {
	if (!articles.has(post.id)) articles.set(post.id, make(post));
	const article = articles.get(post.id);
	const find = selector => article.querySelector(selector);
	find(".like").ariaPressed = post.liked;
	find(".like .count").textContent = post.likes || "";
	const said = post.comments.length;
	find(".said").textContent = said ? `${said} ${said === 1 ? "comment" : "comments"}` : "Comment";
	find(".comments").replaceChildren(...post.comments.map(({ author, text }) => fill("said", { ".name": author.name, ".text": text })));
	return article;
}

function make({ id, author, text }) {
	const article = fill("post", { ".name": author.name, ".text": text });
	const find = selector => article.querySelector(selector);
	article.id = `post-${id}`;
	face(find(".avatar"), author);
	find(".comment input").ariaLabel = `Comment on ${isolated(author.name)}’s post`;
	find(".like").onclick = async () => {
		const liked = find(".like").ariaPressed === "true";
		await api(liked ? "DELETE" : "PUT", `/api/posts/${id}/like`).then(show).catch(trouble);
	};
	find(".comment").onsubmit = async event => {
		event.preventDefault();
		const input = find(".comment input"), text = input.value.trim();
		if (!text) return;
		input.value = "";
		await api("POST", `/api/posts/${id}/comments`, { text }).then(show).catch(error => {
			input.value = [text, input.value].filter(Boolean).join(" ");
			trouble(error);
		});
	};
	find("details").ontoggle = () => find("details").open && find(".comment input").focus();
	return article;
}

// visit goes to a post, with its comments open if one of them is meant.
export function visit({ kind, post }) {
	const article = articles.get(post.id);
	if (!article) return;
	if (kind === "comment") article.querySelector("details").open = true;
	article.scrollIntoView({ block: "nearest" });
	article.focus({ preventScroll: true });
	article.classList.remove("flash");
	void article.offsetWidth; // so that it flashes again
	article.classList.add("flash");
}
