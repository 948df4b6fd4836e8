-- wrk asks for the three routes in the proportions of a small shop.
local paths = {"/search", "/search", "/search", "/login", "/checkout", "/search", "/login", "/checkout"}
local turn = 0
request = function()
  turn = turn % #paths + 1
  return wrk.format("GET", paths[turn])
end
