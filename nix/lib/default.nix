# What the modules share; all of it is evaluation alone.
{ lib }:
{
  fleet = import ./fleet.nix { inherit lib; };
  grants = import ./grants.nix { inherit lib; };
  placeholders = import ./placeholders.nix { inherit lib; };
  units = import ./units.nix { inherit lib; };
  volatile = import ./volatile.nix { inherit lib; };
}
