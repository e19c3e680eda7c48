"""`python -m tertulia`: how the supervisor starts its children, whatever the PATH."""

from tertulia.app import main

if __name__ == "__main__":
    main()
