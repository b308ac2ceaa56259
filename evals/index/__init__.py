"""``kstore eval index``: what each kind of index takes and finds, at growing numbers of vectors."""
