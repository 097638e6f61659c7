// Talks to an app behind sse_relay by what useChat is made of, and prints what becomes of it:
// the arguments are two gateways, the app's own origin, and the name of what to do.
import { AbstractChat, DefaultChatTransport } from 'ai'

const [gateway, other, app, story] = process.argv.slice(2)

class State {
	status = 'ready'
	error = undefined
	messages = []
	pushMessage = (m) => { this.messages.push(m) }
	popMessage = () => { this.messages.pop() }
	replaceMessage = (i, m) => { this.messages[i] = m; this.changed?.() }
	snapshot = (x) => structuredClone(x)
}
class Chat extends AbstractChat {}
const chatOf = (origin, id, messages = []) => {
	const state = new State()
	state.messages = messages
	return { state, chat: new Chat({ id, state, transport: new DefaultChatTransport({ api: origin + '/api/chat' }) }) }
}
const textOf = ({ messages }) => messages.at(-1)?.parts.map((p) => p.text ?? '').join('') ?? ''
// Resolves when so many words have come.
const words = (state, n) => new Promise((resolve) => {
	state.changed = () => { if (textOf(state).split(' ').length > n) resolve() }
})
const result = ({ state, chat }) => ({ status: chat.status, messages: state.messages.length, text: textOf(state) })

const stories = {
	async undisturbed() {
		const c = chatOf(gateway, 'undisturbed')
		await c.chat.sendMessage({ text: 'hi' })
		return result(c)
	},
	// The page is loaded again in the middle, from the other gateway.
	async reloaded() {
		const before = chatOf(gateway, 'reloaded')
		const sent = before.chat.sendMessage({ text: 'hi' })
		await words(before.state, 100)
		const after = chatOf(other, 'reloaded', [before.state.messages[0]])
		const resumed = after.chat.resumeStream()
		before.chat.stop()
		await sent
		await resumed
		return result(after)
	},
	async nothing() {
		const c = chatOf(gateway, 'nothing')
		await c.chat.resumeStream()
		return result(c)
	},
	// It is stopped by the other gateway.
	async stopped() {
		const c = chatOf(gateway, 'endless-stopped')
		const sent = c.chat.sendMessage({ text: 'hi' })
		await words(c.state, 100)
		await fetch(other + '/api/chat/endless-stopped/stream', { method: 'DELETE' })
		await sent
		return result(c)
	},
	// The gateway that asked the app is killed, or ends: what is there of the answer is none.
	async lost() {
		const before = chatOf(gateway, 'endless-lost')
		const sent = before.chat.sendMessage({ text: 'hi' })
		await words(before.state, 100)
		const after = chatOf(other, 'endless-lost', [before.state.messages[0]])
		const resumed = after.chat.resumeStream()
		await words(after.state, 100)
		await fetch(app + '/end-gateway')
		await Promise.all([sent, resumed])
		return { before: before.chat.status, ...result(after) }
	},
}
console.log(JSON.stringify(await stories[story]()))
