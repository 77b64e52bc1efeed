mod bandwidth;
mod basics;
mod loss;
mod mapping;
mod world;
