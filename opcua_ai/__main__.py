from opcua_ai.cli import main

raise SystemExit(main())
