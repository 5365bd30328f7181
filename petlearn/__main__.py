"`python -m petlearn`: the command line, also where the command itself is not on the path."
import sys
from petlearn.cli import main

if __name__ == '__main__': sys.exit(main())
