mod bandwidth;
mod basics;
mod loss;
mod mapping;
mod renewals;
mod world;
