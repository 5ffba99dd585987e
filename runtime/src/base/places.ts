/** Directories of the services. */
export const SERVICE_DIRECTORY = "/etc/service";

/** Settings of the log daemon. An image with this file, which may be empty, has system logging. */
export const LOG_SETTINGS_FILE = "/etc/shipshape/logd.conf";
