# Whether a host's manifest grants a secret to a service, and in words why not.
{ lib }:

{ facts, host }:

let
  inherit (lib) concatMapStringsSep concatStringsSep optionalString;

  quoted = concatMapStringsSep ", " (name: "`${name}`");

  explain = secret: service: "run `secretctl policy explain ${secret} ${host} ${service}`";

  allows = grant: service: builtins.elem "*" grant.services || builtins.elem service grant.services;

  # A rule that objected, with its place and what its author or the engine said.
  objection =
    entry:
    let
      said = {
        denied = "denies it";
        failed = "cannot be decided";
        ended = "allowed it until its time was over";
      };
      remarks = lib.filter (remark: remark != null) [
        entry.because
        entry.detail
      ];
    in
    "the rule at ${entry.rule} ${said.${entry.reason} or "objects"}${
      optionalString (remarks != [ ]) " (${concatStringsSep "; " remarks})"
    }";

  about = service: entry: entry.services == null || builtins.elem service entry.services;

  whyNot =
    secret: service:
    let
      grant = facts.grants.${secret} or null;
      longer = "${host}/${secret}";
      objections = lib.filter (about service) (facts.objections.${secret} or [ ]);
    in
    if facts.grants ? ${longer} && allows facts.grants.${longer} service then
      {
        what = "`${longer}` is granted to `${service}`, and `${secret}` is not";
        next = "set `secret = \"${longer}\"`";
      }
    else if objections != [ ] then
      {
        what = concatStringsSep "; " (map objection objections);
        next = explain secret service;
      }
    else if grant != null then
      {
        what = "it is granted to ${quoted grant.services} on this host, not to service `${service}`";
        next = "${explain secret service}, or set `service` to one of these";
      }
    else if !facts.hasSource secret then
      {
        what = "the fleet has no source `secrets/${secret}.age`, and no document that gave this host such a key";
        next = "correct the name, or make it with `secretctl set ${secret}` and then `secretctl seal`";
      }
    else
      {
        what = "no rule allows it";
        next = "allow it in `policies/` (${explain secret service}), then run `secretctl seal`";
      };
in
{
  granted =
    secret: service:
    let
      grant = facts.grants.${secret} or null;
    in
    grant != null && allows grant service;

  # One refusal: who asked, what stands in the way, what to do.
  refusal =
    {
      option,
      secret,
      service,
    }:
    let
      reason = whyNot secret service;
    in
    ''
      ${option}: host `${host}` may not read secret `${secret}`: ${reason.what}.
      To repair it, ${reason.next}.'';
}
