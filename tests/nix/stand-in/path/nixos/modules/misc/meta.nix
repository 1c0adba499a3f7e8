# Who cares for a module; said in assertions.nix already.
{ }
