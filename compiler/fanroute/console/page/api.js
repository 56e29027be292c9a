// Asks the console's server.

export class Refused extends Error {
  constructor(message, field) {
    super(message);
    this.field = field;
  }
}

export async function ask(name, body = {}, signal = undefined) {
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(`api/${name}`, { method: "POST", headers, body: JSON.stringify(body), signal });
  if (answer.ok) return answer.json();
  if (answer.status === 400) {
    const { error, field } = await answer.json();
    throw new Refused(error, field);
  }
  throw new Refused((await answer.text()).trim(), "");
}
