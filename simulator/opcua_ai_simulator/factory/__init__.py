"""The data factory: many runs of a plant as files to train with.

``options`` are the flags, ``settings`` what the files depend on, ``plan`` the runs drawn from it,
``controls`` the control by name, ``produce`` simulates a chunk of runs, ``files`` are the file
formats, ``folder`` is what lies where, ``pool`` the processes, ``worker`` the inside of one,
``progress`` what a person sees; ``command`` joins them.
"""
