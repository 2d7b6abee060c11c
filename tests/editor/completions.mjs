// Places in flows, marked ‸, and what an editor must offer there (and must not).

const KINDS = ['say', 'converse', 'confirm', 'collect', 'choose', 'call_api', 'dial', 'handoff', 'end'];
const HEAD = 'callflow: 1\nstart: a\n';

export const completions = [
  {
    what: 'the top of a flow',
    flow: 'callflow: 1\nstart: a\n‸\nstates:\n  a: {end: silent}\n',
    offers: ['name', 'description', 'env', 'call', 'services', 'targets', 'tools', 'intents', 'vars', 'hours', 'phrases', 'groups', 'use', 'always'],
    not: ['start', 'states', 'say'],
  },
  {
    what: 'a state, without anything',
    flow: `${HEAD}states:\n  a:\n    ‸\n`,
    offers: [...KINDS, 'on', 'next', 'timeout', 'set', 'description', 'allow'],
    not: ['announce', 'prompt'],
  },
  {
    what: 'beside a kind',
    flow: `${HEAD}states:\n  a:\n    say: Hello.\n    ‸\n`,
    offers: ['next', 'on', 'timeout', 'set'],
  },
  {
    what: 'events of a dial',
    flow: `${HEAD}states:\n  a:\n    dial: desk\n    on:\n      ‸\n`,
    offers: ['answered', 'no_answer', 'busy', 'rejected', 'unreachable', 'voicemail', 'otherwise', 'targets.exhausted'],
    not: ['say'],
  },
  {
    what: 'events of the whole flow',
    flow: `${HEAD}always:\n  ‸\nstates:\n  a: {end: silent}\n`,
    offers: ['caller.left', 'call.max_duration', 'service.failed', 'shutdown', 'room.expiring'],
  },
  {
    what: 'inside a dial',
    flow: `${HEAD}states:\n  a:\n    dial:\n      to: desk\n      ‸\n`,
    offers: ['announce', 'ring', 'hold', 'accept', 'late_answer', 'caller_id', 'retry', 'listen', 'method'],
    not: ['to', 'prompt', 'question'],
  },
  {
    what: 'inside the hold of a dial',
    flow: `${HEAD}states:\n  a:\n    dial:\n      to: desk\n      hold:\n        ‸\n`,
    offers: ['audio', 'say', 'say_every'],
  },
  {
    what: 'inside a converse',
    flow: `${HEAD}states:\n  a:\n    converse:\n      ‸\n`,
    offers: ['prompt', 'first', 'context', 'silence'],
    not: ['question'],
  },
  {
    what: 'a step of silence',
    flow: `${HEAD}states:\n  a:\n    converse:\n      prompt: Talk.\n      silence:\n        - after: 8s\n          ‸\n`,
    offers: ['say', 'to'],
  },
  {
    what: 'inside a confirm',
    flow: `${HEAD}states:\n  a:\n    confirm:\n      question: Yes?\n      ‸\n`,
    offers: ['tries', 'timeout', 'interruptible'],
  },
  {
    what: 'inside a collect',
    flow: `${HEAD}states:\n  a:\n    collect:\n      slots: {guests: int}\n      ‸\n`,
    offers: ['ask', 'tries', 'timeout', 'dtmf', 'interruptible'],
    not: ['slots', 'question', 'tool'],
  },
  {
    what: 'a slot of a collect',
    flow: `${HEAD}states:\n  a:\n    collect:\n      slots:\n        guests:\n          type: int\n          ‸\n`,
    offers: ['ask'],
    not: ['type', 'slots'],
  },
  {
    what: 'the keys of a collect',
    flow: `${HEAD}states:\n  a:\n    collect:\n      slots: {pin: text}\n      dtmf:\n        ‸\n`,
    offers: ['digits', 'end_key'],
    not: ['ask'],
  },
  {
    what: 'events of a collect',
    flow: `${HEAD}states:\n  a:\n    collect: {slots: {guests: int}}\n    on:\n      ‸\n`,
    offers: ['filled', 'exhausted', 'failed', 'otherwise'],
    not: ['say'],
  },
  {
    what: 'inside a call_api',
    flow: `${HEAD}states:\n  a:\n    call_api:\n      tool: order\n      ‸\n`,
    offers: ['args', 'timeout', 'retry', 'fill', 'save'],
    not: ['tool', 'http'],
  },
  {
    what: 'the retry of a call_api',
    flow: `${HEAD}states:\n  a:\n    call_api:\n      tool: order\n      retry:\n        ‸\n`,
    offers: ['times', 'wait', 'backoff'],
  },
  {
    what: 'events of a call_api',
    flow: `${HEAD}states:\n  a:\n    call_api: order\n    on:\n      ‸\n`,
    offers: ['ok', 'failed', 'timeout', 'otherwise'],
    not: ['say'],
  },
  {
    what: 'a tool',
    flow: `${HEAD}tools:\n  order:\n    ‸\nstates:\n  a: {end: silent}\n`,
    offers: ['when', 'params', 'effect', 'timeout', 'idempotency', 'on_interrupt', 'http'],
    not: ['tool', 'url'],
  },
  {
    what: 'the request of a tool',
    flow: `${HEAD}tools:\n  order:\n    http:\n      url: "https://api.example.com/"\n      ‸\nstates:\n  a: {end: silent}\n`,
    offers: ['method', 'headers', 'query', 'json', 'body'],
    not: ['url', 'when'],
  },
  {
    what: 'a parameter of a tool',
    flow: `${HEAD}tools:\n  order:\n    params:\n      size:\n        type: enum\n        ‸\nstates:\n  a: {end: silent}\n`,
    offers: ['values', 'optional', 'description'],
    not: ['type'],
  },
  {
    what: 'the tools of a converse',
    flow: `${HEAD}states:\n  a:\n    converse:\n      prompt: Talk.\n      ‸\n`,
    offers: ['tools', 'fill'],
    not: ['prompt'],
  },
  {
    what: 'a group',
    flow: `${HEAD}groups:\n  talking:\n    ‸\nstates:\n  a: {end: silent}\n`,
    offers: ['on', 'description'],
    not: ['say', 'states'],
  },
  {
    what: 'events of a group',
    flow: `${HEAD}groups:\n  talking:\n    on:\n      ‸\nstates:\n  a: {end: silent}\n`,
    offers: ['timeout', 'otherwise'],
    not: ['say'],
  },
  {
    what: 'the group of a state',
    flow: `${HEAD}states:\n  a:\n    say: Hello.\n    ‸\n`,
    offers: ['group'],
  },
  {
    what: 'an edge with more to it',
    flow: `${HEAD}states:\n  a:\n    say: Hello.\n    on:\n      said:\n        to: b\n        ‸\n`,
    offers: ['if', 'set', 'say', 'max_visits'],
  },
  {
    what: 'an edge of a list',
    flow: `${HEAD}states:\n  a:\n    say: Hello.\n    on:\n      said:\n        - to: b\n          ‸\n`,
    offers: ['if', 'set', 'say', 'max_visits'],
  },
  {
    what: 'an entry of a choose',
    flow: `${HEAD}states:\n  a:\n    choose:\n      - ‸\n`,
    offers: ['if', 'to', 'else'],
  },
  { what: 'the value of handoff', flow: `${HEAD}states:\n  a:\n    handoff: ‸\n`, offers: ['keep_room', 'leave'] },
  {
    what: 'the type of an environment variable',
    flow: `${HEAD}env:\n  NUMBER: ‸\nstates:\n  a: {end: silent}\n`,
    offers: ['phone', 'text', 'int', 'bool', 'duration', 'list'],
  },
  {
    what: 'the way of a dial',
    flow: `${HEAD}states:\n  a:\n    dial:\n      to: desk\n      method: ‸\n`,
    offers: ['dial_out', 'sip_transfer', 'sip_refer'],
  },
  {
    what: 'an intent',
    flow: `${HEAD}intents:\n  bye:\n    when: Goodbye.\n    ‸\nstates:\n  a: {end: silent}\n`,
    offers: ['slots', 'examples'],
  },
  {
    what: 'a target',
    flow: `${HEAD}targets:\n  desk:\n    ‸\nstates:\n  a: {end: silent}\n`,
    offers: ['phone', 'sip', 'extension', 'caller_id'],
  },
];
