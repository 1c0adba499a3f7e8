# What the names of units tell.
{ lib }:

let
  parts = builtins.match "([^@]+@)(.*)[.]([a-z]+)";
in
rec {
  # "name@.service" for "name@instance.service", else the name itself.
  template =
    unit:
    let
      found = parts unit;
    in
    if found == null then unit else "${lib.head found}.${lib.last found}";

  isTemplate = unit: parts unit != null && template unit == unit;

  isInstance = unit: template unit != unit;

  # What `%i` stands for.
  instance = unit: lib.elemAt (parts unit) 1;

  # Where a service finds a credential; units of a template expand `%i` to the instance that they are.
  credential =
    service: id:
    let
      unit = if isTemplate "${service}.service" then "${service}%i" else service;
    in
    "/run/credentials/${unit}.service/${id}";
}
