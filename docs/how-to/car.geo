// A saloon car on the road, in a channel: lengths in metres, the air comes from the left.
// Meshed by gmsh; `h` is the size of an element at the car before it is cut in four.
DefineConstant[ h = 0.12, far = 0.9 ];
left = -5; right = 10; top = 4.5;

// The silhouette, clockwise from under the front bumper: bonnet, windscreen, roof, rear window, boot, and the floor.
Point(1) = {0.10, 0.20, 0, h};
Point(2) = {0.00, 0.42, 0, h};
Point(3) = {0.12, 0.62, 0, h};
Point(4) = {0.60, 0.76, 0, h};
Point(5) = {1.15, 0.84, 0, h};
Point(6) = {1.55, 1.10, 0, h};
Point(7) = {1.95, 1.34, 0, h};
Point(8) = {2.50, 1.43, 0, h};
Point(9) = {3.05, 1.37, 0, h};
Point(10) = {3.50, 1.15, 0, h};
Point(11) = {3.85, 0.98, 0, h};
Point(12) = {4.25, 0.93, 0, h};
Point(13) = {4.38, 0.70, 0, h};
Point(14) = {4.32, 0.35, 0, h};
Point(15) = {4.15, 0.22, 0, h};
Point(16) = {2.20, 0.18, 0, h};
Spline(1) = {1, 2, 3};
Spline(2) = {3, 4, 5};
Spline(3) = {5, 6, 7, 8, 9, 10, 11, 12};
Spline(4) = {12, 13, 14, 15};
Spline(5) = {15, 16, 1};

Point(21) = {left, 0, 0, far};
Point(22) = {0, 0, 0, 1.5 * h};
Point(23) = {4.4, 0, 0, 1.5 * h};
Point(24) = {right, 0, 0, far};
Point(25) = {right, top, 0, far};
Point(26) = {left, top, 0, far};
Line(11) = {21, 22};
Line(12) = {22, 23};
Line(13) = {23, 24};
Line(14) = {24, 25};
Line(15) = {25, 26};
Line(16) = {26, 21};

Curve Loop(1) = {11, 12, 13, 14, 15, 16};
Curve Loop(2) = {1, 2, 3, 4, 5};
Plane Surface(1) = {1, 2};
Physical Curve("inlet") = {16};
Physical Curve("outlet") = {14};
Physical Curve("road") = {11, 12, 13};
Physical Curve("sky") = {15};
Physical Curve("car") = {1, 2, 3, 4, 5};
