// Runs the audits of GraphQL over HTTP against a URL, and checks the schema there with GraphQL's reference
// implementation. Prints one JSON object.
import { buildClientSchema, getIntrospectionQuery, validateSchema } from "graphql";
import { serverAudits } from "graphql-http";

const url = process.argv[2];
const audits = [];
for (const audit of serverAudits({ url })) {
  const { id, name, status, reason } = await audit.fn();
  audits.push({ id, name, status, reason });
}
const answer = await fetch(url, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ query: getIntrospectionQuery() }),
});
const schema = buildClientSchema((await answer.json()).data);
const errors = validateSchema(schema).map((error) => error.message);
console.log(JSON.stringify({ audits, errors, types: Object.keys(schema.getTypeMap()).length }));
