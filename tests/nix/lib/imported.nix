{
  list = [ "imported" ];
}
