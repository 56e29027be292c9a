// Serves news that Fanout pushes to readers as events, long-polls and WebSockets, with Express and @fanoutio/serve-grip.
// README.md says how to start it.

import {
    Channel, HttpResponseFormat, HttpStreamFormat, Item, WebSocketEvent, WebSocketMessageFormat, createWebSocketControlMessage,
    decodeWebSocketEvents, encodeWebSocketEvents, parseGripUri,
} from '@fanoutio/grip';
import { ServeGrip } from '@fanoutio/serve-grip';
import express from 'express';

const CHANNEL = 'news';

const grip = process.env.GRIP_URL ? parseGripUri(process.env.GRIP_URL) : {};
if (grip.verify_key == null || grip.verify_iss == null) {
    console.error('GRIP_URL needs verify-key and verify-iss, as `fanroute grip-url` prints them, to check Grip-Sig.');
    process.exit(1);
}
const serveGrip = new ServeGrip({ grip });
const publisher = serveGrip.getPublisher();

// All messages. The id of each is its position, from 1 on. Your application has a database for them, which its processes share.
const messages = [];
let publishing = Promise.resolve();

const app = express();
app.disable('x-powered-by');

// serve-grip 2.0.0 does not wait until a signature is checked, and trusts each one. So it only gets to see those that are valid.
app.use(async (request, response, next) => {
    request.hasSignature = 'grip-sig' in request.headers;
    request.isSigned = await isSigned(request.headers['grip-sig']);
    if (!request.isSigned) {
        delete request.headers['grip-sig'];
    }
    next();
});

// Answers the events of a WebSocket, which Fanout sends as an HTTP request. It publishes all that a reader sends.
// It stands before serve-grip, which answers pings without their content, and only in recv(), and closes with the code 0.
app.post('/socket', requireFanout, express.raw({ type: 'application/websocket-events' }), async (request, response) => {
    if (!Buffer.isBuffer(request.body)) {
        return response.status(400).type('text').send('This is for WebSockets.\n');
    }
    const answer = [];
    for (const event of decodeWebSocketEvents(request.body)) {
        const content = event.content ?? new Uint8Array();
        if (event.type === 'OPEN') {
            const subscribe = createWebSocketControlMessage('subscribe', { channel: CHANNEL });
            answer.push(new WebSocketEvent('OPEN'), new WebSocketEvent('TEXT', `c:${subscribe}`));
            const after = lastId(request, request.query.after);
            if (messages.length > after) {
                answer.push(new WebSocketEvent('TEXT', `m:${listed(after, messages.slice(after))}`));
            }
        } else if (event.type === 'TEXT') {
            await publish(new TextDecoder().decode(content));
        } else if (event.type === 'PING') {
            answer.push(new WebSocketEvent('PONG', content));
        } else if (event.type === 'CLOSE') {
            // The answer has the client's code. Without content, there is no code.
            answer.push(new WebSocketEvent('CLOSE', content.length ? content : null));
        }
    }
    response.set({ 'Content-Type': 'application/websocket-events', 'Sec-WebSocket-Extensions': 'grip' });
    response.end(encodeWebSocketEvents(answer));
});

app.use(serveGrip);

// Sends the events that a reader has missed, and has Fanout hold the connection for the next ones.
app.get('/events', requireFanout, (request, response) => {
    const after = lastId(request, request.headers['last-event-id']);
    const missed = messages.slice(after);
    const hold = response.grip.startInstruct();
    hold.addChannel(new Channel(CHANNEL, String(after + missed.length)));
    hold.setHoldStream();
    hold.setKeepAlive(':\n\n', 25);
    // If Fanout finds a gap between two messages, it asks here for the missed ones.
    hold.setNextLink('/events');
    response.set('Content-Type', 'text/event-stream');
    response.end(missed.map((text, index) => event(after + index + 1, text)).join(''));
});

// Answers with the messages after `?after=ID`. If there are none, Fanout holds the request until there is one.
app.get('/poll', requireFanout, (request, response) => {
    const after = lastId(request, request.query.after);
    const missed = messages.slice(after);
    if (missed.length === 0) {
        const hold = response.grip.startInstruct();
        hold.addChannel(new Channel(CHANNEL, String(after)));
        hold.setHoldLongPoll(25);
    }
    response.set('Content-Type', 'application/json');
    response.end(listed(after, missed));
});

// Publishes the body of the request.
app.post('/messages', express.text({ type: () => true }), async (request, response) => {
    response.status(201).json({ id: await publish(request.body ?? '') });
});

// Tells whether the request has a Grip-Sig, if its signature is valid, and whose it is. `fanroute doctor` asks it.
app.get('/whoami', (request, response) => {
    const { isSigned, hasSignature } = request;
    response.json({ signed: isSigned, has_signature: hasSignature, issuer: isSigned ? grip.verify_iss : null });
});

// Keeps a message and publishes it to all readers, after all earlier ones. Returns its id.
function publish(text) {
    const published = publishing.then(async () => {
        const id = messages.push(text);
        const formats = [
            new HttpStreamFormat(event(id, text)),
            new HttpResponseFormat({ body: listed(id - 1, [text]) }),
            new WebSocketMessageFormat(listed(id - 1, [text])),
        ];
        await publisher.publish(CHANNEL, new Item(formats, String(id), String(id - 1)));
        return id;
    });
    publishing = published.catch(() => {});
    return published;
}

// Returns a server-sent event. A message of several lines has several lines of data.
function event(id, text) {
    return `id: ${id}\n${text.split(/\r\n|\r|\n/).map(line => `data: ${line}\n`).join('')}\n`;
}

// Returns messages with their ids as JSON, for long-polls and WebSockets.
function listed(after, texts) {
    return `${JSON.stringify(texts.map((text, index) => ({ id: after + index + 1, text })))}\n`;
}

// Returns the id of the last message that a reader has: as Fanout says, else as given, else that of the newest message.
function lastId(request, given) {
    const [, number = String(given)] = /last-id=(\d{1,9})\b/.exec(request.headers['grip-last'] ?? '') ?? [];
    return /^\d{1,9}$/.test(number) ? Math.min(Number(number), messages.length) : messages.length;
}

// Returns true for a Grip-Sig of the expected issuer that is valid and has not expired.
async function isSigned(signature) {
    try {
        const { exp } = JSON.parse(Buffer.from(signature.split('.')[1], 'base64url'));
        // The library takes a signature that never expires.
        return exp != null && (await publisher.validateGripSig(signature)).isSigned;
    } catch {
        return false;
    }
}

// Refuses a request that does not come from Fanout. Nothing else can hold a connection.
function requireFanout(request, response, next) {
    if (request.isSigned) {
        next();
    } else {
        response.status(403).type('text').send('This is for Fanout. Ask the edge.\n');
    }
}

app.listen(Number(process.env.PORT ?? 8000), '127.0.0.1');
