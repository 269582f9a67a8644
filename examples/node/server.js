// A chat by Node's own http, and WebSocket by Debian's node-ws: what is said in one place is heard in the others.
'use strict';

const http = require('node:http');
const { WebSocketServer } = require('ws');

const [host, port] = process.argv.slice(2);
const streams = new Set();
const sockets = new WebSocketServer({ noServer: true });
let count = 0;

const PAGE = `<!DOCTYPE html>
<title>Chat</title>
<ol></ol>
<input name="text">
<button>Say</button>
<script src="/chat.js"></script>
`;

const SCRIPT = `const show = text => {
  const line = document.createElement("li");
  line.textContent = text;
  document.querySelector("ol").append(line);
};
const socket = new WebSocket("ws://" + location.host + "/chat");
const events = new EventSource("/events");
socket.onmessage = message => show("WebSocket: " + message.data);
events.onmessage = event => show("event: " + event.data);
events.onopen = () => show("listening");
document.querySelector("button").onclick = () => socket.send(document.querySelector("input").value);
`;

function say(text) {
  const said = JSON.stringify({ number: ++count, text });
  for (const stream of streams) stream.write(`id: ${count}\ndata: ${said}\n\n`);
  for (const socket of sockets.clients) socket.send(said);
}

// Without a length, Node sends an answer in chunks, one for each write.
function countDown(answer) {
  answer.writeHead(200, { 'Content-Type': 'text/plain' });
  for (const number of ['three', 'two', 'one']) answer.write(`${number}\n`);
  answer.end('go\n');
}

function listen(request, answer) {
  answer.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  answer.write('retry: 1000\n\n');
  streams.add(answer);
  request.on('close', () => streams.delete(answer));
}

function hear(request, answer) {
  let text = '';
  request.setEncoding('utf8').on('data', part => (text += part)).on('end', () => {
    say(text);
    answer.writeHead(204).end();
  });
}

function whole(answer, type, text) {
  answer.writeHead(200, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(text) }).end(text);
}

const server = http.createServer((request, answer) => {
  switch (`${request.method} ${request.url}`) {
    case 'GET /': return whole(answer, 'text/html', PAGE);
    case 'GET /chat.js': return whole(answer, 'text/javascript', SCRIPT);
    case 'GET /events': return listen(request, answer);
    case 'GET /countdown': return countDown(answer);
    case 'POST /say': return hear(request, answer);
    default: return answer.writeHead(404).end();
  }
});

server.on('upgrade', (request, socket, head) => {
  sockets.handleUpgrade(request, socket, head, connection => {
    connection.on('message', text => say(String(text)));
  });
});

server.listen(port, host);
