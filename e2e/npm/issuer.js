// An issuer of tokens, by npm's jose: it signs, has its public keys at /jwks, and rotates
// them. It prints its port.
import { createServer } from "node:http";
import { SignJWT, exportJWK, generateKeyPair } from "jose";

const algorithms = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];
let generation = 0;
let keys = {};

async function rotate() {
	generation++;
	const made = await Promise.all(algorithms.map(async (alg) => [alg, await generateKeyPair(alg, { extractable: true })]));
	keys = Object.fromEntries(made);
}

async function jwks() {
	return {
		keys: await Promise.all(algorithms.map(async (alg) => ({
			...await exportJWK(keys[alg].publicKey), kid: `${alg}-${generation}`, alg, use: "sig",
		}))),
	};
}

function sign(alg, secret) {
	return new SignJWT({ channels: ["news", "chat"] })
		.setProtectedHeader({ alg, kid: secret ? undefined : `${alg}-${generation}` })
		.setSubject("ann").setIssuer("the issuer").setAudience(["feed"]).setIssuedAt().setExpirationTime("1m")
		.sign(secret ? new TextEncoder().encode(secret) : keys[alg].privateKey);
}

await rotate();
const server = createServer(async (request, response) => {
	const url = new URL(request.url, "http://issuer");
	switch (url.pathname) {
	case "/jwks":
		response.setHeader("Content-Type", "application/json");
		response.end(JSON.stringify(await jwks()));
		break;
	case "/sign":
		response.end(await sign(url.searchParams.get("alg"), url.searchParams.get("secret")));
		break;
	case "/rotate":
		await rotate();
		response.end();
		break;
	default:
		response.writeHead(404).end();
	}
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
