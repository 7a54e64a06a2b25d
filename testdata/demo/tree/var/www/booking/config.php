<?php
$database = new mysqli('localhost', 'booking', 'saltwater', 'booking');
