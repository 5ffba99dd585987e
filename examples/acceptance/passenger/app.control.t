#!/bin/bash
echo "control/t: the app finishes its requests"
sv quit app
