// Signs in to an app as @huggingface/hub does it in a browser: node oauth.mjs HUB CLIENT_ID REDIRECT_URL. Prints the address that the user is sent to, reads the one that
// the user comes back to, and prints who it is.
import { oauthHandleRedirect, oauthLoginUrl, whoAmI } from "@huggingface/hub";
import { createInterface } from "node:readline";

const [hubUrl, clientId, redirectUrl] = process.argv.slice(2);
const kept = {};
console.log(await oauthLoginUrl({ hubUrl, clientId, redirectUrl, scopes: "openid profile email read-repos inference-api", state: "mine", localStorage: kept }));
const redirectedUrl = await new Promise((resolve) => createInterface({ input: process.stdin }).once("line", resolve));
const { accessToken, userInfo, state, scope } = await oauthHandleRedirect({ hubUrl, redirectedUrl, nonce: kept.nonce, codeVerifier: kept.codeVerifier });
const who = await whoAmI({ hubUrl, accessToken });
console.log(JSON.stringify({ userInfo, state, scope, who: { name: who.name, auth: who.auth.type } }));
process.exit(0);
