<?php
openlog("shop", LOG_PID, LOG_LOCAL0);
syslog(LOG_WARNING, "sold: " . $_SERVER["REQUEST_URI"]);
echo "shop ", getenv("SHOP_NAME"), " by ", posix_getpwuid(posix_geteuid())["name"], ", process ", getmypid(), "\n";
