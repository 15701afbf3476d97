"""What the tools need before they import `einet` and torch, which takes seconds.

Only the standard library is imported here, so that --help and a mistyped option are answered at
once.
"""
