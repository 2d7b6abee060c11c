// A client of a language server over standard input and output (LSP, Content-Length framing). Knows nothing of flows.

import { spawn } from 'node:child_process';

export class LanguageServer {
  #child; #buffer = Buffer.alloc(0); #next = 1; #answers = new Map(); #diagnostics = new Map(); #waiting = new Map();

  constructor(program, args, settings) {
    this.settings = settings;
    this.#child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child.stdout.on('data', (bytes) => this.#read(bytes));
    this.#child.on('exit', (code, signal) => {
      for (const { reject } of this.#answers.values()) reject(new Error(`the server ended: ${code ?? signal}`));
    });
  }

  #send(message) {
    const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...message }));
    this.#child.stdin.write(Buffer.concat([Buffer.from(`Content-Length: ${body.length}\r\n\r\n`), body]));
  }

  #read(bytes) {
    this.#buffer = Buffer.concat([this.#buffer, bytes]);
    for (;;) {
      const head = this.#buffer.indexOf('\r\n\r\n');
      if (head < 0) return;
      const length = Number(/Content-Length: (\d+)/i.exec(this.#buffer.subarray(0, head).toString())[1]);
      if (this.#buffer.length < head + 4 + length) return;
      const message = JSON.parse(this.#buffer.subarray(head + 4, head + 4 + length).toString());
      this.#buffer = this.#buffer.subarray(head + 4 + length);
      this.#take(message);
    }
  }

  #take(message) {
    if (message.method === 'textDocument/publishDiagnostics') {
      const { uri, diagnostics } = message.params;
      this.#diagnostics.set(uri, diagnostics);
      this.#waiting.get(uri)?.(diagnostics);
    } else if (message.method === 'workspace/configuration') {
      // What an editor would have in its settings.
      const of = ({ section }) => this.settings[section] ?? null;
      this.#send({ id: message.id, result: message.params.items.map(of) });
    } else if (message.method && message.id !== undefined) {
      this.#send({ id: message.id, result: null });
    } else if (message.id !== undefined) {
      const answer = this.#answers.get(message.id);
      this.#answers.delete(message.id);
      if (message.error) answer?.reject(new Error(JSON.stringify(message.error)));
      else answer?.resolve(message.result);
    }
  }

  request(method, params) {
    const id = this.#next++;
    this.#send({ id, method, params });
    return within(20_000, method, new Promise((resolve, reject) => this.#answers.set(id, { resolve, reject })));
  }

  notify(method, params) { this.#send({ method, params }); }

  async start(rootUri) {
    const capabilities = {
      textDocument: {
        completion: { completionItem: { snippetSupport: true, documentationFormat: ['markdown'] } },
        hover: { contentFormat: ['markdown', 'plaintext'] },
        publishDiagnostics: {},
      },
      workspace: { configuration: true, didChangeConfiguration: { dynamicRegistration: true } },
    };
    await this.request('initialize', { processId: process.pid, rootUri, capabilities });
    this.notify('initialized', {});
    this.notify('workspace/didChangeConfiguration', { settings: this.settings });
  }

  // Opens a document and waits for what the server says about it.
  async open(uri, text) {
    const said = new Promise((resolve) => this.#waiting.set(uri, resolve));
    this.notify('textDocument/didOpen', { textDocument: { uri, languageId: 'yaml', version: 1, text } });
    return within(20_000, `diagnostics of ${uri}`, said);
  }

  hover(uri, position) { return this.request('textDocument/hover', { textDocument: { uri }, position }); }

  complete(uri, position) { return this.request('textDocument/completion', { textDocument: { uri }, position }); }

  stop() { this.#child.kill('SIGKILL'); }
}

function within(milliseconds, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${milliseconds} ms: ${what}`)), milliseconds);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
