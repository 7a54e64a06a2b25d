<?php require 'config.php'; ?>
<!DOCTYPE html>
<html lang="en">
<title>Northsound Ferries - Booking</title>
<h1>Book a crossing</h1>
<form action="book.php" method="post">
  <label>From <select name="from"><option>Skerry<option>Holm<option>Fairway</select></label>
  <label>To <select name="to"><option>Holm<option>Skerry<option>Fairway</select></label>
  <label>Day <input type="date" name="day"></label>
  <button>Find a boat</button>
</form>
</html>
