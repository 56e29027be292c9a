from fanroute.cli import main

main()
